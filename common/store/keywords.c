#include "store/keywords.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/number.h"

#define KEYWORDS_NAME "dovecot-keywords"

void keywords_init(struct keywords *k)
{
        *k = (struct keywords){0};
        for (size_t i = 0; i < KEYWORDS_MAX; i++)
                k->letter[i] = -1;
        for (size_t i = 0; i < KEYWORDS_LETTERS; i++)
                k->bit[i] = -1;
}

void keywords_free(struct keywords *k)
{
        arena_free(&k->arena);
}

/* Whether this can be a keyword: an IMAP atom (RFC 3501 section 9) without a leading backslash. */
static bool is_valid(struct slice name)
{
        if (name.n == 0 || name.n > KEYWORDS_MAX_NAME)
                return false;
        for (size_t i = 0; i < name.n; i++) {
                unsigned char c = (unsigned char)name.p[i];
                if (c <= ' ' || c >= 0x7f || strchr("(){%*\"\\]", c))
                        return false;
        }
        return true;
}

bool keywords_full(const struct keywords *k)
{
        unsigned taken = (unsigned)__builtin_popcount(keywords_unnamed(k));
        for (unsigned i = 0; i < k->n; i++)
                taken += k->names[i] != NULL;
        return k->n == KEYWORDS_MAX || taken >= KEYWORDS_LETTERS;
}

int keywords_bit(struct keywords *k, struct slice name, bool create, unsigned *ret)
{
        if (!is_valid(name))
                return -EINVAL;
        for (unsigned i = 0; i < k->n; i++)
                if (k->names[i] && slice_ieq(slice_of(k->names[i]), name)) {
                        *ret = i;
                        return 0;
                }
        if (!create)
                return -ENOENT;
        if (keywords_full(k))
                return -ENOBUFS;
        k->names[k->n] = arena_str(&k->arena, name);
        k->letter[k->n] = -1;
        *ret = k->n++;
        k->version++;
        return 0;
}

uint64_t keywords_bits(const struct keywords *k, uint32_t letters)
{
        uint64_t bits = 0;
        for (; letters; letters &= letters - 1) {
                int bit = k->bit[__builtin_ctz(letters)];
                if (bit >= 0)
                        bits |= UINT64_C(1) << bit;
        }
        return bits;
}

bool keywords_letters(const struct keywords *k, uint64_t bits, uint32_t *ret)
{
        uint32_t letters = 0;
        for (; bits; bits &= bits - 1) {
                int letter = k->letter[__builtin_ctzll(bits)];
                if (letter < 0)
                        return false;
                letters |= 1u << letter;
        }
        *ret = letters;
        return true;
}

uint32_t keywords_known_letters(const struct keywords *k, uint64_t bits)
{
        uint32_t letters = 0;
        for (unsigned i = 0; i < k->n; i++)
                if (bits >> i & 1 && k->letter[i] >= 0)
                        letters |= 1u << k->letter[i];
        return letters;
}

uint32_t keywords_unnamed(const struct keywords *k)
{
        uint32_t unnamed = k->used;
        for (int i = 0; i < KEYWORDS_LETTERS; i++)
                if (k->bit[i] >= 0)
                        unnamed &= ~(1u << i);
        return unnamed;
}

/* One line of the file; lines that make no sense, and names that are there twice, are passed over. */
static void take_line(struct keywords *k, struct slice line)
{
        struct slice number;
        uint32_t letter;
        unsigned bit;
        if (!slice_split(&line, ' ', &number) || slice_to_u32(number, &letter) < 0 ||
            letter >= KEYWORDS_LETTERS)
                return;
        if (k->bit[letter] >= 0)
                return;
        if (keywords_bit(k, line, false, &bit) < 0) {
                if (!is_valid(line) || k->n == KEYWORDS_MAX)
                        return;
                bit = k->n++;
                k->names[bit] = arena_str(&k->arena, line);
        }
        if (k->letter[bit] >= 0)
                return;
        k->letter[bit] = (int)letter;
        k->bit[letter] = (int)bit;
}

static void take_text(struct keywords *k, struct slice text)
{
        int before[KEYWORDS_LETTERS];
        memcpy(before, k->bit, sizeof(before));
        for (size_t i = 0; i < KEYWORDS_MAX; i++)
                k->letter[i] = -1;
        for (size_t i = 0; i < KEYWORDS_LETTERS; i++)
                k->bit[i] = -1;
        struct slice line;
        while (slice_split(&text, '\n', &line))
                take_line(k, line);
        for (size_t i = 0; i < KEYWORDS_LETTERS; i++)
                if (k->bit[i] != before[i])
                        k->moved |= k->used & 1u << i;
        k->version++;
}

int keywords_refresh(struct keywords *k, int dirfd)
{
        struct stat st;
        if (fstatat(dirfd, KEYWORDS_NAME, &st, AT_SYMLINK_NOFOLLOW) < 0) {
                if (errno != ENOENT)
                        return -errno;
                st = (struct stat){0};
        }
        if (st.st_ino == k->seen.st_ino && st.st_size == k->seen.st_size &&
            st.st_mtim.tv_sec == k->seen.st_mtim.tv_sec && st.st_mtim.tv_nsec == k->seen.st_mtim.tv_nsec)
                return 0;
        _cleanup_(buf_free) struct buf text = BUF_BOUNDED(KEYWORDS_MAX_BYTES);
        int r = st.st_ino ? file_read_at(dirfd, KEYWORDS_NAME, &text) : 0;
        if (r < 0 && r != -ENOENT)
                return r;
        take_text(k, buf_slice(&text));
        k->seen = st;
        return 0;
}

static int write_file(const struct keywords *k, int dirfd, const struct perm *perm)
{
        _cleanup_(buf_free) struct buf text = BUF_BOUNDED(KEYWORDS_MAX_BYTES);
        for (int i = 0; i < KEYWORDS_LETTERS; i++)
                if (k->bit[i] >= 0)
                        buf_printf(&text, "%d %s\n", i, k->names[k->bit[i]]);
        return perm_replace(dirfd, KEYWORDS_NAME, buf_slice(&text), perm, true);
}

int keywords_assign(struct keywords *k, int dirfd, const struct perm *perm, uint64_t bits)
{
        int r = keywords_refresh(k, dirfd);
        if (r < 0)
                return r;
        struct keywords before = *k;
        uint32_t taken = keywords_unnamed(k);
        bool changed = false;
        for (; bits; bits &= bits - 1) {
                int bit = __builtin_ctzll(bits), letter = 0;
                if (k->letter[bit] >= 0)
                        continue;
                while (letter < KEYWORDS_LETTERS && (k->bit[letter] >= 0 || taken >> letter & 1))
                        letter++;
                if (letter == KEYWORDS_LETTERS) {
                        r = -ENOBUFS;
                        break;
                }
                k->letter[bit] = letter;
                k->bit[letter] = bit;
                changed = true;
        }
        if (r == 0 && changed)
                r = write_file(k, dirfd, perm);
        if (r < 0) {
                memcpy(k->letter, before.letter, sizeof(k->letter));
                memcpy(k->bit, before.bit, sizeof(k->bit));
                return r;
        }
        if (changed) {
                k->version++;
                (void)!fstatat(dirfd, KEYWORDS_NAME, &k->seen, AT_SYMLINK_NOFOLLOW);
                if (k->seen.st_mtim.tv_sec <= before.seen.st_mtim.tv_sec) {
                        /* Dovecot looks at whole seconds to see that it changed */
                        struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                                    {.tv_sec = before.seen.st_mtim.tv_sec + 1}};
                        (void)!utimensat(dirfd, KEYWORDS_NAME, times, AT_SYMLINK_NOFOLLOW);
                        (void)!fstatat(dirfd, KEYWORDS_NAME, &k->seen, AT_SYMLINK_NOFOLLOW);
                }
        }
        return 0;
}
