#include "imap/parse.h"

#include <errno.h>

#include "base/utf7.h"
#include "base/utf8.h"

static int refuse_name(struct lexer *l, const char *text)
{
        l->no = true;
        return lexer_fail(l, text);
}

static int decode_name(struct lexer *l, struct slice raw, struct slice *ret)
{
        _cleanup_(buf_free) struct buf decoded = {0};
        struct slice utf8 = raw;
        if (l->enabled & FEATURES_UTF8_NAMES) {
                if (!utf8_valid(raw))
                        return refuse_name(l, "[CANNOT] Invalid mailbox name: Name is not valid UTF-8");
        } else {
                if (utf7_to_utf8(&decoded, raw) < 0)
                        return refuse_name(l, "[CANNOT] Invalid mailbox name: Name is not valid mUTF-7");
                /* most names are plain ASCII: no copy */
                if (!slice_eq(buf_slice(&decoded), raw))
                        utf8 = arena_slice(l->arena, buf_slice(&decoded));
        }
        for (size_t i = 0; i < utf8.n; i++)
                if ((unsigned char)utf8.p[i] < ' ' || utf8.p[i] == 0x7f)
                        return refuse_name(
                                l, "[CANNOT] Invalid mailbox name: Control characters are not allowed");
        *ret = utf8;
        return 0;
}

int parse_mailbox(struct lexer *l, struct slice *ret)
{
        struct slice raw;
        int r = lexer_astring(l, &raw);
        if (r < 0)
                return r;
        if (slice_ieq(raw, SLICE("INBOX"))) {
                *ret = SLICE("INBOX");
                return 0;
        }
        return decode_name(l, raw, ret);
}

int parse_pattern(struct lexer *l, struct slice *ret)
{
        struct slice raw;
        int r = lexer_list_mailbox(l, &raw);
        return r < 0 ? r : decode_name(l, raw, ret);
}

int parse_refuse_numbers(struct lexer *l)
{
        l->code = "[UIDREQUIRED]";
        return lexer_fail(l, "Message numbers are not allowed with UIDONLY");
}

bool parse_at_set(const struct lexer *l)
{
        char c = lexer_peek(l);
        return ascii_isdigit(c) || c == '*' || c == '$';
}

static int seq_number(struct lexer *l, uint32_t *ret)
{
        if (lexer_take(l, '*')) {
                *ret = IMAP_STAR;
                return 0;
        }
        if (!ascii_isdigit(lexer_peek(l)))
                return lexer_fail_word(l, "Invalid message set at", l->rest);
        return lexer_nz_number(l, ret);
}

int parse_set(struct lexer *l, struct imap_set *ret)
{
        struct imap_set set = {0};
        if (lexer_take(l, '$')) {
                *ret = (struct imap_set){.saved = true};
                return 0;
        }
        do {
                uint32_t a, b;
                int r = seq_number(l, &a);
                b = a;
                if (r == 0 && lexer_take(l, ':'))
                        r = seq_number(l, &b);
                if (r < 0)
                        return r;
                if (set.n == PARSE_SET_RANGES_MAX)
                        return lexer_fail(l, "Message set has too many ranges");
                set.ranges = lexer_grow(l, set.ranges, set.n, sizeof(*set.ranges));
                set.ranges[set.n++] = (struct imap_range){a, b};
        } while (lexer_take(l, ','));
        *ret = set;
        return 0;
}

static const struct {
        const char *name;
        uint8_t bit;
} system_flags[] = {
        {"Seen", IMAP_FLAG_SEEN},       {"Answered", IMAP_FLAG_ANSWERED}, {"Flagged", IMAP_FLAG_FLAGGED},
        {"Deleted", IMAP_FLAG_DELETED}, {"Draft", IMAP_FLAG_DRAFT},       {"Recent", IMAP_FLAG_RECENT},
};

static int parse_system_flag(struct lexer *l, enum parse_recent recent, struct imap_flags *flags)
{
        struct slice name = lexer_name(l);
        for (size_t i = 0; i < ARRAY_LEN(system_flags); i++) {
                if (!slice_ieq(name, slice_of(system_flags[i].name)))
                        continue;
                if (system_flags[i].bit != IMAP_FLAG_RECENT)
                        flags->system |= system_flags[i].bit;
                else if (recent == PARSE_RECENT_REFUSED)
                        return lexer_fail(l, "\\Recent cannot be changed");
                return 0;
        }
        return lexer_fail_word(l, "Invalid system flag", name);
}

static int parse_flag(struct lexer *l, enum parse_recent recent, struct imap_flags *flags)
{
        if (lexer_take(l, '\\'))
                return parse_system_flag(l, recent, flags);
        struct slice keyword;
        int r = lexer_atom(l, &keyword);
        if (r < 0)
                return r;
        if (flags->keywords_n == PARSE_KEYWORDS_MAX)
                return lexer_fail(l, "Too many keywords");
        flags->keywords = lexer_grow(l, flags->keywords, flags->keywords_n, sizeof(*flags->keywords));
        flags->keywords[flags->keywords_n++] = keyword;
        return 0;
}

int parse_flag_list(struct lexer *l, enum parse_recent recent, struct imap_flags *ret)
{
        struct imap_flags flags = {0};
        int r = lexer_list_start(l);
        if (r < 0)
                return r;
        bool end = lexer_take(l, ')');
        while (!end) {
                r = parse_flag(l, recent, &flags);
                if (r == 0)
                        r = lexer_list_next(l, &end);
                if (r < 0)
                        return r;
        }
        *ret = flags;
        return 0;
}

int parse_flag_list_bare(struct lexer *l, enum parse_recent recent, struct imap_flags *ret)
{
        if (lexer_peek(l) == '(')
                return parse_flag_list(l, recent, ret);
        struct imap_flags flags = {0};
        do {
                int r = parse_flag(l, recent, &flags);
                if (r < 0)
                        return r;
                if (l->rest.n && lexer_peek(l) != ' ')
                        return lexer_fail_word(l, "Invalid characters at", l->rest);
                lexer_skip_spaces(l);
        } while (l->rest.n);
        *ret = flags;
        return 0;
}
