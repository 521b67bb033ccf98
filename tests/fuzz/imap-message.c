/* Any bytes as a message: ENVELOPE, BODY and BODYSTRUCTURE stay within the grammar that clients parse (RFC
 * 3501 section 9), and BODYSTRUCTURE's sizes are those of the sections. */
#include <stdlib.h>

#include "imap/binary.h"
#include "imap/bodystructure.h"
#include "imap/cached.h"
#include "imap/envelope.h"
#include "imap/section.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool ok)
{
        if (!ok)
                abort();
}

static bool take(struct slice *s, char c)
{
        if (!s->n || s->p[0] != c)
                return false;
        *s = slice_from(*s, 1);
        return true;
}

static void skip_number(struct slice *s)
{
        need(s->n && ascii_isdigit(s->p[0]));
        while (s->n && ascii_isdigit(s->p[0]))
                *s = slice_from(*s, 1);
}

static void skip_literal(struct slice *s)
{
        size_t n = (size_t)strtoull(s->p, NULL, 10);
        skip_number(s);
        need(slice_starts(*s, SLICE("}\r\n")) && s->n - 3 >= n);
        *s = slice_from(*s, 3);
        need(!memchr(s->p, 0, n));
        *s = slice_from(*s, n);
}

static void skip_quoted(struct slice *s)
{
        while (!take(s, '"')) {
                if (take(s, '\\'))
                        need(s->n && (s->p[0] == '"' || s->p[0] == '\\'));
                need(s->n && s->p[0] > 0 && s->p[0] != '\r' && s->p[0] != '\n');
                *s = slice_from(*s, 1);
        }
}

/* One value: a list, a string, NIL or a number. */
static void skip_value(struct slice *s)
{
        if (take(s, '(')) {
                need(!take(s, ')'));
                do {
                        skip_value(s);
                        take(s, ' ');
                } while (!take(s, ')'));
        } else if (take(s, '{')) {
                skip_literal(s);
        } else if (take(s, '"')) {
                skip_quoted(s);
        } else if (slice_starts(*s, SLICE("NIL"))) {
                *s = slice_from(*s, 3);
        } else {
                skip_number(s);
        }
}

static void check_value(struct buf *b)
{
        buf_cstr(b);
        struct slice s = buf_slice(b);
        need(s.n && s.p[0] == '(');
        skip_value(&s);
        need(s.n == 0 && b->error == 0);
        b->n = 0;
}

static void check_sections(struct slice message, const struct part *root)
{
        struct imap_section what = {.text = SECTION_ALL};
        struct section s;
        section_locate(message, NULL, &what, NULL, &s);
        need(s.size == part_virtual_size(root->header) + part_virtual_size(root->body));
        what.text = SECTION_HEADER;
        section_locate(message, NULL, &what, NULL, &s);
        need(s.size == part_virtual_size(root->header));
        uint32_t number = 1;
        what = (struct imap_section){.part = &number, .part_n = 1, .partial = true, .count = UINT32_MAX};
        section_locate(message, root, &what, NULL, &s);
        if (root->kind != PART_MULTIPART)
                need(s.size == part_virtual_size(root->body));
        else
                need(s.size == (root->children ? part_virtual_size(root->children->body) : 0));
}

/* The decoded size does not depend on how it was counted, and an encoding never makes a text smaller. */
static void check_binary(struct slice message, const struct part *root)
{
        uint32_t number = 1;
        struct imap_section what = {.part = &number, .part_n = 1};
        struct binary whole, cut;
        if (binary_locate(message, root, &what, NULL, &whole) < 0)
                return;
        binary_measure(&whole, message, NULL);
        need(whole.size <= 2 * whole.text.n);
        what.partial = true;
        what.count = UINT32_MAX;
        need(binary_locate(message, root, &what, NULL, &cut) == 0);
        binary_measure(&cut, message, NULL);
        need(cut.size == whole.size && cut.has_nul == whole.has_nul);
        what.offset = 2;
        what.count = 3;
        need(binary_locate(message, root, &what, NULL, &cut) == 0);
        binary_measure(&cut, message, NULL);
        need(cut.size == (whole.size > 5 ? 3 : whole.size > 2 ? whole.size - 2 : 0));
}

/* What is made of the header is made of the fields listed just as well. */
static void check_listed(struct slice message, struct buf *b)
{
        _cleanup_(buf_free) struct buf list = {0}, item = {0}, again = {0};
        if (!cached_fields_list(message, &list))
                return;
        size_t n;
        need(envelope_write(header_iter(message), b) == 0);
        n = b->n;
        need(envelope_write(cached_fields_listed(&list), b) == 0);
        need(b->n == 2 * n && memcmp(b->p, b->p + n, n) == 0);
        b->n = 0;
        need(cached_fields_write(header_iter(message), &item) ==
             cached_fields_write(cached_fields_listed(&list), &again));
        need(slice_eq(buf_slice(&item), buf_slice(&again)));
}

/* What is kept of a header says of its fields what the header says; anything may be in its place. */
static void check_kept(struct slice message, struct buf *b)
{
        _cleanup_(buf_free) struct buf item = {0};
        struct slice names[] = {SLICE("From"), SLICE("subject"), SLICE("Content-Type"), SLICE("to")};
        struct imap_section what = {.text = SECTION_HEADER_FIELDS, .fields = names, .fields_n = 4};
        struct section s;
        if (cached_fields_write(header_iter(message), &item)) {
                need(cached_fields_check(buf_slice(&item)));
                section_locate(message, NULL, &what, NULL, &s);
                cached_fields_pick(buf_slice(&item), cached_fields_mask(&what), b);
                need(s.size == b->n);
                b->n = 0;
        }
        if (cached_fields_check(message)) {
                cached_fields_pick(message, UINT64_MAX, b);
                need(b->n <= message.n + 4);
                b->n = 0;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(arena_free) struct arena arena = {0};
        _cleanup_(buf_free) struct buf b = BUF_BOUNDED(ENVELOPE_MAX);
        struct slice message = slice_make(data, size);
        struct part *root = part_parse(&arena, message);
        need(envelope_write(header_iter(message), &b) == 0);
        check_value(&b);
        need(bodystructure_write(message, root, false, &b) == 0);
        check_value(&b);
        need(bodystructure_write(message, root, true, &b) == 0);
        check_value(&b);
        check_sections(message, root);
        check_binary(message, root);
        check_kept(message, &b);
        check_listed(message, &b);
        return 0;
}
