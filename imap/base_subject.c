#include "imap/base_subject.h"

#include "mime/encoded_word.h"

/* RFC 5256 section 5. All take from a subject whose blanks are single spaces. */

static struct slice skip_blank(struct slice s)
{
        return slice_starts(s, SLICE(" ")) ? slice_from(s, 1) : s;
}

/* subj-blob: "[" *BLOBCHAR "]" *WSP. The text behind it; false: there is none. */
static bool take_blob(struct slice s, struct slice *ret_rest)
{
        if (!slice_starts(s, SLICE("[")))
                return false;
        for (size_t i = 1; i < s.n && s.p[i] != '['; i++)
                if (s.p[i] == ']') {
                        *ret_rest = skip_blank(slice_from(s, i + 1));
                        return true;
                }
        return false;
}

/* subj-refwd: ("re" / ("fw" ["d"])) *WSP [subj-blob] ":" */
static bool take_refwd(struct slice s, struct slice *ret_rest)
{
        struct slice rest;

        if (slice_istarts(s, SLICE("re")) || slice_istarts(s, SLICE("fw")))
                rest = slice_from(s, 2);
        else
                return false;
        if (slice_istarts(s, SLICE("fwd")))
                rest = slice_from(s, 3);
        rest = skip_blank(rest);
        take_blob(rest, &rest);
        if (!slice_starts(rest, SLICE(":")))
                return false;
        *ret_rest = slice_from(rest, 1);
        return true;
}

/* Step 2. */
static struct slice drop_trailers(struct slice s, bool *reply)
{
        for (;;) {
                if (slice_ends(s, SLICE(" "))) {
                        s.n--;
                } else if (s.n >= 5 && slice_ieq(slice_from(s, s.n - 5), SLICE("(fwd)"))) {
                        s.n -= 5;
                        *reply = true;
                } else {
                        return s;
                }
        }
}

/* Steps 3 to 5. Blobs go when a subj-refwd follows the last of them (then all are part of subj-leader), and
 * otherwise one by one as long as something is left behind them; looked at in one go, so that many of them
 * cost no more than their bytes. */
static struct slice drop_leaders(struct slice s, bool *reply)
{
        for (;;) {
                struct slice last = skip_blank(s), rest = last;

                while (take_blob(rest, &rest))
                        if (rest.n > 0)
                                last = rest;
                if (!take_refwd(rest, &rest))
                        return last;
                *reply = true;
                s = rest;
        }
}

/* Step 1. */
static struct slice pack_blanks(struct arena *a, struct slice s)
{
        char *to = arena_alloc(a, s.n + 1);
        size_t n = 0;

        for (size_t i = 0; i < s.n; i++) {
                char c = s.p[i] == '\t' ? ' ' : s.p[i];

                if (c != ' ' || n == 0 || to[n - 1] != ' ')
                        to[n++] = c;
        }
        return slice_make(to, n);
}

struct slice base_subject(struct arena *a, struct slice value, bool *ret_reply)
{
        struct slice s = pack_blanks(a, encoded_word_decode(a, value));

        *ret_reply = false;
        for (;;) {
                s = drop_leaders(drop_trailers(s, ret_reply), ret_reply);
                if (s.n < 6 || !slice_istarts(s, SLICE("[fwd:")) || !slice_ends(s, SLICE("]")))
                        return s;
                s = slice_make(s.p + 5, s.n - 6);
                *ret_reply = true;
        }
}
