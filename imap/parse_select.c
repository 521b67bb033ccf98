/* SELECT and EXAMINE with their parameters (RFC 4466 section 2.1, RFC 7162). */

#include <errno.h>

#include "imap/parse.h"

static bool has_star(const struct imap_set *set)
{
        for (size_t i = 0; i < set->n; i++)
                if (set->ranges[i].low == IMAP_STAR || set->ranges[i].high == IMAP_STAR)
                        return true;
        return set->saved;
}

static bool ascends(const struct imap_set *set)
{
        for (size_t i = 0; i < set->n; i++)
                if (set->ranges[i].low > set->ranges[i].high ||
                    (i > 0 && set->ranges[i].low <= set->ranges[i - 1].high))
                        return false;
        return true;
}

static int plain_set(struct lexer *l, struct imap_set *ret)
{
        int r = parse_set(l, ret);
        return r == 0 && has_star(ret) ? lexer_fail(l, "\"*\" and \"$\" are not allowed in QRESYNC") : r;
}

/* From behind the space: "(" known-sequence-set SP known-uid-set ")" */
static int match_data(struct lexer *l, struct imap_command *c)
{
        if (l->enabled & FEATURE_UIDONLY)
                return parse_refuse_numbers(l);
        int r = lexer_list_start(l);
        if (r == 0)
                r = plain_set(l, &c->select.match_seqs);
        if (r == 0)
                r = lexer_space(l);
        if (r == 0)
                r = plain_set(l, &c->select.match_uids);
        if (r == 0 && !(ascends(&c->select.match_seqs) && ascends(&c->select.match_uids)))
                return lexer_fail(l, "The sets of QRESYNC must ascend");
        bool end = false;
        if (r == 0)
                r = lexer_list_next(l, &end);
        return r == 0 && !end ? lexer_fail_word(l, "Expected \")\" instead of", l->rest) : r;
}

/* What may follow: [SP known-uids] [SP seq-match-data] ")" */
static int optional_data(struct lexer *l, struct imap_command *c)
{
        bool end = false;
        int r = lexer_list_next(l, &end);
        if (r == 0 && !end && lexer_peek(l) != '(') {
                r = plain_set(l, &c->select.known);
                if (r == 0)
                        r = lexer_list_next(l, &end);
        }
        if (r == 0 && !end) {
                r = match_data(l, c);
                if (r == 0)
                        r = lexer_list_next(l, &end);
        }
        return r == 0 && !end ? lexer_fail_word(l, "Expected \")\" instead of", l->rest) : r;
}

static int param_qresync(struct lexer *l, struct imap_command *c)
{
        if (!(l->enabled & FEATURE_QRESYNC))
                return lexer_fail(l, "QRESYNC has not been enabled");
        c->select.qresync = true;
        int r = lexer_space(l);
        if (r == 0)
                r = lexer_list_start(l);
        if (r == 0)
                r = lexer_nz_number(l, &c->select.uidvalidity);
        if (r == 0)
                r = lexer_space(l);
        if (r == 0)
                r = lexer_modseq(l, &c->select.modseq);
        return r < 0 ? r : optional_data(l, c);
}

static int param_condstore(struct lexer *l, struct imap_command *c)
{
        c->select.condstore = true;
        return 0;
}

static const struct {
        const char *name;
        int (*parse)(struct lexer *l, struct imap_command *c); /* from behind the name */
} params[] = {
        {"CONDSTORE", param_condstore},
        {"QRESYNC", param_qresync},
};

static int parse_param(struct lexer *l, struct imap_command *c, unsigned *seen)
{
        struct slice name = lexer_name(l);
        for (size_t i = 0; i < ARRAY_LEN(params); i++) {
                if (!slice_ieq(name, slice_of(params[i].name)))
                        continue;
                if (*seen & 1u << i)
                        return lexer_fail_word(l, "Parameter given twice", name);
                *seen |= 1u << i;
                return params[i].parse(l, c);
        }
        return lexer_fail_word(l, "Unknown parameter", name.n ? name : l->rest);
}

int parse_select(struct lexer *l, struct imap_command *c)
{
        int r = lexer_space(l);
        if (r == 0)
                r = parse_mailbox(l, &c->select.mailbox);
        struct lexer ahead = *l;
        if (r < 0 || lexer_space(&ahead) < 0 || lexer_peek(&ahead) != '(')
                return r;
        *l = ahead;
        unsigned seen = 0;
        r = lexer_list_start(l);
        for (bool end = false; r == 0 && !end;) {
                r = parse_param(l, c, &seen);
                if (r == 0)
                        r = lexer_list_next(l, &end);
        }
        return r;
}
