/* The IMAP command parser: any bytes give a command or an error, every slice of the command can be read, and
 * sets and trees keep their promises. */

#include <stdlib.h>

#include "imap/parse.h"

static uint64_t read_slice(struct slice s)
{
        uint64_t sum = 0;
        for (size_t i = 0; i < s.n; i++)
                sum += (unsigned char)s.p[i];
        return sum;
}

static void check(bool ok)
{
        if (!ok)
                abort();
}

static void check_set(const struct imap_set *set)
{
        _cleanup_(arena_free) struct arena arena = {0};
        check(set->saved == (set->n == 0) && set->n <= PARSE_SET_RANGES_MAX);
        struct imap_set made = imap_set_normalise(&arena, set, 1000);
        for (size_t i = 0; i < made.n; i++) {
                check(made.ranges[i].low > 0 && made.ranges[i].low <= made.ranges[i].high);
                check(i == 0 || made.ranges[i].low > made.ranges[i - 1].high);
        }
}

static void check_key(const struct imap_search_key *k, int depth)
{
        check(depth <= PARSE_SEARCH_DEPTH_MAX);
        if (k->kind == SEARCH_SET || k->kind == SEARCH_UID)
                check_set(&k->set);
        check(read_slice(k->header) + read_slice(k->text) < UINT64_MAX);
        int n = 0;
        for (const struct imap_search_key *c = k->children; c; c = c->next, n++)
                check_key(c, depth + 1);
        check(k->kind != SEARCH_NOT || n == 1);
        check(k->kind != SEARCH_OR || n == 2);
        check(k->kind != SEARCH_AND || n > 0);
}

static void check_partial(const struct imap_partial *p)
{
        check(p->a > 0 && p->b > 0);
}

static void check_search(const struct imap_search *s)
{
        check(s->extended == (s->results != 0));
        check(!(s->results & RETURN_PARTIAL) || !(s->results & RETURN_ALL));
        if (s->results & RETURN_PARTIAL)
                check_partial(&s->partial);
        for (size_t i = 0; i < s->sources_n; i++) {
                const struct imap_source *source = &s->sources[i];
                check((source->kind >= SOURCE_SUBTREE) == (source->names_n > 0));
                for (size_t k = 0; k < source->names_n; k++)
                        check(slice_find(source->names[k], '\0') == source->names[k].n);
        }
        check_key(s->key, 0);
}

static void check_fetch(const struct imap_command *c)
{
        check_set(&c->fetch.set);
        check(c->fetch.items_n > 0);
        if (c->fetch.has_partial)
                check_partial(&c->fetch.partial);
        for (size_t i = 0; i < c->fetch.items_n; i++) {
                const struct imap_section *s = &c->fetch.items[i].section;
                for (size_t k = 0; k < s->part_n; k++)
                        check(s->part[k] > 0);
                for (size_t k = 0; k < s->fields_n; k++)
                        check(read_slice(s->fields[k]) > 0);
        }
}

static void check_list(const struct imap_command *c)
{
        check(c->list.patterns_n > 0 && c->list.patterns_n <= PARSE_LIST_PATTERNS_MAX);
        check(slice_find(c->list.reference, '\0') == c->list.reference.n);
        for (size_t i = 0; i < c->list.patterns_n; i++)
                check(slice_find(c->list.patterns[i], '\0') == c->list.patterns[i].n);
        check(c->list.extended || (c->list.patterns_n == 1 && !c->list.select && !c->list.returns));
        check(c->id != IMAP_LSUB || !c->list.extended);
        check(!(c->list.select & LIST_SELECT_RECURSIVEMATCH) || (c->list.select & LIST_SELECT_CRITERIA));
        check(!(c->list.returns & LIST_RETURN_STATUS) == !c->list.status);
}

static void check_create(const struct imap_command *c)
{
        check(c->create.uses_n <= PARSE_CREATE_USES_MAX);
        for (size_t i = 0; i < c->create.uses_n; i++)
                check(read_slice(c->create.uses[i]) > 0);
}

static void check_command(const struct imap_command *c)
{
        check(c->tag.n > 0);
        switch (c->id) {
        case IMAP_FETCH:
                check_fetch(c);
                break;
        case IMAP_SEARCH:
        case IMAP_ESEARCH:
                check_search(&c->search);
                break;
        case IMAP_STORE:
                check_set(&c->store.set);
                break;
        case IMAP_COPY:
        case IMAP_MOVE:
                check_set(&c->copy.set);
                check(slice_find(c->copy.mailbox, '\0') == c->copy.mailbox.n);
                break;
        case IMAP_LOGIN:
                check(read_slice(c->login.user) + read_slice(c->login.password) < UINT64_MAX);
                break;
        case IMAP_ID:
                for (size_t i = 0; i < c->id_params.n; i++)
                        check(read_slice(c->id_params.fields[i]) < UINT64_MAX);
                break;
        case IMAP_LIST:
        case IMAP_LSUB:
        case IMAP_XLIST:
                check_list(c);
                break;
        case IMAP_CREATE:
                check_create(c);
                break;
        case IMAP_RENAME:
                check(slice_find(c->rename.to, '\0') == c->rename.to.n);
                break;
        default:
                break;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(arena_free) struct arena arena = {0};
        struct imap_command c;
        struct imap_parse_error error = {0};
        struct slice bytes = slice_make(data, size);
        imap_literal_is_message(bytes, false);
        if (imap_command_parse(&arena, bytes, 0, &c, &error) == 0) {
                check_command(&c);
        } else {
                check(error.text && error.text[0] && strlen(error.text) < 256);
                check(slice_find(slice_of(error.text), '\r') == strlen(error.text));
        }
        return 0;
}
