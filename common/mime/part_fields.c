#include "mime/part_fields.h"

#include "mime/header.h"

static void set_type(struct arena *a, struct part *p, struct slice value)
{
        struct content_type ct;
        if (content_type_parse(a, value, &ct) < 0)
                ct = (struct content_type){SLICE("text"), SLICE("plain"), NULL};
        p->type = ct.type;
        p->subtype = ct.subtype;
        p->params = ct.params;
}

static void set_encoding(struct arena *a, struct part *p, struct slice value)
{
        p->encoding = content_token(a, value);
        p->transfer = transfer_of(p->encoding);
        if (p->encoding.n == 0)
                p->encoding = SLICE_NULL;
}

static void set_disposition(struct arena *a, struct part *p, struct slice value)
{
        struct content_disposition d;
        if (content_disposition_parse(a, value, &d) < 0)
                return;
        p->disposition = d.type;
        p->disposition_params = d.params;
}

static void set_languages(struct arena *a, struct part *p, struct slice value)
{
        p->languages = content_token_list(a, value);
}

/* Names without "Content-". Of several fields of one name the first counts. */
static const struct {
        const char *name;
        void (*set)(struct arena *a, struct part *p, struct slice value);
        size_t text; /* without set: the slice in struct part that is the unfolded value */
} fields[] = {
        {"type", set_type},
        {"transfer-encoding", set_encoding},
        {"disposition", set_disposition},
        {"language", set_languages},
        {"id", NULL, offsetof(struct part, id)},
        {"description", NULL, offsetof(struct part, description)},
        {"md5", NULL, offsetof(struct part, md5)},
        {"location", NULL, offsetof(struct part, location)},
};

static void set_field(struct arena *a, struct part *p, size_t index, struct slice value)
{
        if (fields[index].set)
                fields[index].set(a, p, value);
        else
                *(struct slice *)(void *)((char *)p + fields[index].text) = header_unfold(a, value);
}

/* RFC 2046 section 5.1.1: a boundary does not end with a space. */
static struct slice boundary_of(struct arena *a, const struct part *p)
{
        struct slice b = param_find(p->params, SLICE("boundary"));
        if (!b.p)
                b = param_find(param_join(a, p->params), SLICE("boundary"));
        while (b.n && (b.p[b.n - 1] == ' ' || b.p[b.n - 1] == '\t'))
                b.n--;
        return b.n <= PART_MAX_BOUNDARY ? b : SLICE_NULL;
}

static struct slice set_kind(struct arena *a, struct part *p)
{
        if (slice_ieq(p->type, SLICE("message")) && slice_ieq(p->subtype, SLICE("rfc822"))) {
                p->kind = PART_MESSAGE;
                if (p->transfer == TRANSFER_BASE64 || p->transfer == TRANSFER_QP)
                        part_fields_make_opaque(p);
        } else if (slice_ieq(p->type, SLICE("multipart"))) {
                struct slice boundary = boundary_of(a, p);
                if (boundary.n) {
                        p->kind = PART_MULTIPART;
                        return boundary;
                }
                set_type(a, p, SLICE("text/plain"));
        }
        return SLICE_NULL;
}

struct slice part_fields_parse(struct arena *a, struct part *p, struct slice header, bool in_digest,
                               size_t *budget)
{
        bool seen[ARRAY_LEN(fields)] = {false};
        struct slice prefix = SLICE("content-");
        set_type(a, p, in_digest ? SLICE("message/rfc822") : SLICE("text/plain"));
        struct header_iter it = header_iter(header);
        for (struct header_field f; header_next(&it, &f);) {
                if (!slice_istarts(f.name, prefix) || f.value.n > *budget)
                        continue;
                for (size_t i = 0; i < ARRAY_LEN(fields); i++)
                        if (!seen[i] && slice_ieq(slice_from(f.name, prefix.n), slice_of(fields[i].name))) {
                                *budget -= f.value.n;
                                seen[i] = true;
                                set_field(a, p, i, f.value);
                                break;
                        }
        }
        return set_kind(a, p);
}

void part_fields_make_opaque(struct part *p)
{
        p->kind = PART_LEAF;
        p->type = SLICE("application");
        p->subtype = SLICE("octet-stream");
        p->params = NULL;
}
