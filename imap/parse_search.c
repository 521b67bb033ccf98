#include "imap/parse.h"

#include <errno.h>

/* What follows a key's name. */
enum argument {
        NONE,
        FLAG,
        TEXT,
        HEADER_OF,
        FIELD_AND_TEXT,
        ATOM,
        DATE,
        NUMBER,
        INTERVAL,
        UIDS,
        MODSEQ,
        KEYS,
        FUZZY
};

static const struct search_name {
        const char *name;
        enum imap_search_kind kind;
        enum argument argument;
        int detail; /* FLAG: the bit; KEYS, FUZZY: how many */
} names[] = {
        {"ALL", SEARCH_ALL, NONE},
        {"ANSWERED", SEARCH_FLAG, FLAG, IMAP_FLAG_ANSWERED},
        {"BCC", SEARCH_HEADER, HEADER_OF},
        {"BEFORE", SEARCH_BEFORE, DATE},
        {"BODY", SEARCH_BODY, TEXT},
        {"CC", SEARCH_HEADER, HEADER_OF},
        {"DELETED", SEARCH_FLAG, FLAG, IMAP_FLAG_DELETED},
        {"DRAFT", SEARCH_FLAG, FLAG, IMAP_FLAG_DRAFT},
        {"EMAILID", SEARCH_EMAILID, ATOM},
        {"FLAGGED", SEARCH_FLAG, FLAG, IMAP_FLAG_FLAGGED},
        {"FROM", SEARCH_HEADER, HEADER_OF},
        {"FUZZY", SEARCH_AND, FUZZY, 1},
        {"HEADER", SEARCH_HEADER, FIELD_AND_TEXT},
        {"KEYWORD", SEARCH_KEYWORD, ATOM},
        {"LARGER", SEARCH_LARGER, NUMBER},
        {"MODSEQ", SEARCH_MODSEQ, MODSEQ},
        {"NEW", SEARCH_NEW, NONE},
        {"NOT", SEARCH_NOT, KEYS, 1},
        {"OLD", SEARCH_NOT_FLAG, FLAG, IMAP_FLAG_RECENT},
        {"OLDER", SEARCH_OLDER, INTERVAL},
        {"ON", SEARCH_ON, DATE},
        {"OR", SEARCH_OR, KEYS, 2},
        {"RECENT", SEARCH_FLAG, FLAG, IMAP_FLAG_RECENT},
        {"SAVEDATESUPPORTED", SEARCH_SAVEDATESUPPORTED, NONE},
        {"SAVEDBEFORE", SEARCH_SAVEDBEFORE, DATE},
        {"SAVEDON", SEARCH_SAVEDON, DATE},
        {"SAVEDSINCE", SEARCH_SAVEDSINCE, DATE},
        {"SEEN", SEARCH_FLAG, FLAG, IMAP_FLAG_SEEN},
        {"SENTBEFORE", SEARCH_SENTBEFORE, DATE},
        {"SENTON", SEARCH_SENTON, DATE},
        {"SENTSINCE", SEARCH_SENTSINCE, DATE},
        {"SINCE", SEARCH_SINCE, DATE},
        {"SMALLER", SEARCH_SMALLER, NUMBER},
        {"SUBJECT", SEARCH_HEADER, HEADER_OF},
        {"TEXT", SEARCH_TEXT, TEXT},
        {"THREADID", SEARCH_THREADID, ATOM},
        {"TO", SEARCH_HEADER, HEADER_OF},
        {"UID", SEARCH_UID, UIDS},
        {"UNANSWERED", SEARCH_NOT_FLAG, FLAG, IMAP_FLAG_ANSWERED},
        {"UNDELETED", SEARCH_NOT_FLAG, FLAG, IMAP_FLAG_DELETED},
        {"UNDRAFT", SEARCH_NOT_FLAG, FLAG, IMAP_FLAG_DRAFT},
        {"UNFLAGGED", SEARCH_NOT_FLAG, FLAG, IMAP_FLAG_FLAGGED},
        {"UNKEYWORD", SEARCH_UNKEYWORD, ATOM},
        {"UNSEEN", SEARCH_NOT_FLAG, FLAG, IMAP_FLAG_SEEN},
        {"YOUNGER", SEARCH_YOUNGER, INTERVAL},
};

/* One SEARCH being parsed. */
struct search {
        struct lexer *l;
        size_t keys, depth;
        bool fuzzy, modseq;
};

static int parse_key(struct search *s, struct imap_search_key **ret);

static const struct search_name *find(struct slice name)
{
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (slice_ieq(name, slice_of(names[i].name)))
                        return &names[i];
        return NULL;
}

/* Exactly n keys behind a name (NOT, OR). */
static int parse_keys(struct search *s, int n, struct imap_search_key **ret_first)
{
        struct imap_search_key **end = ret_first;
        for (int i = 0; i < n; i++) {
                if (i > 0 && lexer_space(s->l) < 0)
                        return -EINVAL;
                if (parse_key(s, end) < 0)
                        return -EINVAL;
                end = &(*end)->next;
        }
        return 0;
}

/* [entry-name SP entry-type-req SP] mod-sequence-valzer: a message has one for all of its flags, so the first
 * two say nothing (RFC 7162 section 3.1.5). */
static int parse_modseq(struct lexer *l, uint64_t *ret)
{
        struct slice entry, type;
        if (lexer_peek(l) == '"') {
                int r = lexer_string(l, &entry);
                if (r == 0)
                        r = lexer_space(l);
                if (r < 0)
                        return r;
                if (!slice_istarts(entry, SLICE("/flags/")))
                        return lexer_fail_word(l, "Unknown entry", entry);
                type = lexer_name(l);
                if (!slice_ieq(type, SLICE("all")) && !slice_ieq(type, SLICE("priv")) &&
                    !slice_ieq(type, SLICE("shared")))
                        return lexer_fail_word(l, "Unknown entry type", type);
                r = lexer_space(l);
                if (r < 0)
                        return r;
        }
        return lexer_modseq(l, ret);
}

static int parse_argument(struct search *s, const struct search_name *name, struct imap_search_key *key)
{
        struct lexer *l = s->l;
        if (name->argument == FLAG)
                key->flag = (uint8_t)name->detail;
        if (name->argument == FLAG || name->argument == NONE)
                return 0;
        int r = lexer_space(l);
        if (r < 0)
                return r;
        switch (name->argument) {
        case HEADER_OF:
                key->header = slice_of(name->name);
                return lexer_loose_astring(l, &key->text);
        case FIELD_AND_TEXT:
                r = lexer_astring(l, &key->header);
                if (r == 0)
                        r = lexer_space(l);
                return r < 0 ? r : lexer_loose_astring(l, &key->text);
        case ATOM:
                return lexer_atom(l, &key->text);
        case DATE:
                return parse_date(l, &key->date);
        case NUMBER:
                return lexer_number(l, &key->number);
        case INTERVAL:
                return lexer_nz_number(l, &key->number);
        case UIDS:
                return parse_set(l, &key->set);
        case MODSEQ:
                s->modseq = true;
                return parse_modseq(l, &key->modseq);
        case FUZZY: /* RFC 6203; what it holds is searched as ever */
                s->fuzzy = true;
                return parse_keys(s, name->detail, &key->children);
        case KEYS:
                return parse_keys(s, name->detail, &key->children);
        default:
                return lexer_loose_astring(l, &key->text);
        }
}

static int parse_group(struct search *s, struct imap_search_key *key)
{
        struct imap_search_key **end = &key->children;
        key->kind = SEARCH_AND;
        int r = lexer_list_start(s->l);
        for (bool done = false; r == 0 && !done;) {
                r = parse_key(s, end);
                if (r == 0) {
                        end = &(*end)->next;
                        r = lexer_list_next(s->l, &done);
                }
        }
        return r;
}

static int parse_key_content(struct search *s, struct imap_search_key *key)
{
        if (lexer_peek(s->l) == '(')
                return parse_group(s, key);
        if (parse_at_set(s->l)) {
                key->kind = SEARCH_SET;
                if (s->l->enabled & FEATURE_UIDONLY && lexer_peek(s->l) != '$')
                        return parse_refuse_numbers(s->l);
                return parse_set(s->l, &key->set);
        }
        struct slice word = lexer_name(s->l);
        const struct search_name *name = find(word);
        if (!name)
                return lexer_fail_word(s->l, "Unknown search key", word.n ? word : s->l->rest);
        key->kind = name->kind;
        return parse_argument(s, name, key);
}

static int parse_key(struct search *s, struct imap_search_key **ret)
{
        if (s->depth == PARSE_SEARCH_DEPTH_MAX)
                return lexer_fail(s->l, "Search keys are nested too deep");
        if (s->keys++ == PARSE_SEARCH_KEYS_MAX)
                return lexer_fail(s->l, "Too many search keys");
        s->depth++;
        *ret = arena_new(s->l->arena, struct imap_search_key);
        int r = parse_key_content(s, *ret);
        s->depth--;
        return r;
}

/* [SP "CHARSET" SP astring] */
static int take_charset(struct lexer *l, struct slice *ret)
{
        struct lexer ahead = *l;
        if (!slice_ieq(lexer_name(&ahead), SLICE("CHARSET")))
                return 0;
        /* RFC 6855 section 3: there is one charset now */
        if (l->enabled & FEATURE_UTF8)
                return lexer_fail(l, "CHARSET is not allowed with UTF8=ACCEPT");
        int r = lexer_space(&ahead);
        if (r == 0)
                r = lexer_astring(&ahead, ret);
        if (r == 0)
                r = lexer_space(&ahead);
        *l = ahead;
        return r;
}

int parse_search_program(struct lexer *l, struct imap_search *search)
{
        struct search s = {.l = l};
        struct imap_search_key *top = arena_new(l->arena, struct imap_search_key);
        top->kind = SEARCH_AND;
        for (struct imap_search_key **end = &top->children; l->rest.n; end = &(*end)->next) {
                int r = parse_key(&s, end);
                if (r < 0)
                        return r;
                if (l->rest.n && lexer_peek(l) != ' ')
                        return lexer_fail_word(l, "Expected a space before", l->rest);
                lexer_skip_spaces(l);
        }
        if ((search->results & RETURN_RELEVANCY) && !s.fuzzy)
                return lexer_fail(l, "RELEVANCY is for FUZZY keys");
        search->modseq = s.modseq;
        search->key = top;
        return 0;
}

int parse_search(struct lexer *l, struct imap_command *c)
{
        int r = parse_return(l, &c->search);
        if (r == 0)
                r = lexer_space(l);
        if (r == 0)
                r = take_charset(l, &c->search.charset);
        return r < 0 ? r : parse_search_program(l, &c->search);
}

/* "IN" SP "(" sources ")" */
static int parse_sources(struct lexer *l, struct imap_search *search)
{
        const unsigned allowed = SOURCE_SELECTED | SOURCE_INBOXES | SOURCE_PERSONAL | SOURCE_SUBSCRIBED |
                                 SOURCE_SUBTREE | SOURCE_SUBTREE_ONE | SOURCE_MAILBOXES;
        int r = lexer_space(l);
        if (r == 0)
                r = lexer_list_start(l);
        for (bool end = false; r == 0 && !end;) {
                if (search->sources_n == PARSE_SOURCES_MAX)
                        return lexer_fail(l, "Too many sources");
                search->sources = lexer_grow(l, search->sources, search->sources_n, sizeof(*search->sources));
                r = parse_source(l, allowed, &search->sources[search->sources_n++]);
                if (r == 0)
                        r = lexer_list_next(l, &end);
        }
        return r;
}

/* RFC 7377 section 4. There are no scope-options. */
int parse_esearch(struct lexer *l, struct imap_command *c)
{
        struct lexer ahead = *l;
        if (lexer_space(&ahead) == 0 && slice_ieq(lexer_name(&ahead), SLICE("IN"))) {
                *l = ahead;
                int r = parse_sources(l, &c->search);
                if (r < 0)
                        return r;
        }
        int r = parse_search(l, c);
        if (r == 0 && !c->search.extended) {
                c->search.extended = true;
                c->search.results = RETURN_ALL;
        }
        return r;
}
