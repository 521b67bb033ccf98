/* Header fields, and what is made of their values: unfolded text, encoded words, dates, parameters. */

#include <stdlib.h>

#include "base/utf8.h"
#include "mime/date.h"
#include "mime/encoded_word.h"
#include "mime/header.h"
#include "mime/param.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
        if (!ok)
                abort();
}

static void try_value(struct arena *a, struct slice value)
{
        must(header_unfold(a, value).n <= value.n);
        must(utf8_valid(encoded_word_decode(a, value)));
        struct date d;
        if (date_parse(value, &d) == 0)
                must(d.month >= 1 && d.month <= 12 && d.day >= 1 && d.day <= 31 && d.year >= 1900);
        struct content_type ct;
        if (content_type_parse(a, value, &ct) == 0) {
                must(ct.type.n && ct.subtype.n);
                for (struct param *p = param_decode(a, ct.params); p; p = p->next)
                        must(utf8_valid(p->value));
        }
        struct content_disposition cd;
        if (content_disposition_parse(a, value, &cd) == 0)
                must(cd.type.n > 0);
        content_token_list(a, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(arena_free) struct arena a = {0};
        struct slice message = slice_make(data, size);
        struct header_iter it = header_iter(message);
        it.everything = true;
        size_t at = 0;
        for (struct header_field f; header_next(&it, &f); at += f.raw.n) {
                must(f.offset == at && f.raw.p == message.p + at);
                must(f.name.n + f.value.n <= f.raw.n);
                try_value(&a, f.value);
        }
        must(at <= header_size(message));
        must(header_size(message) - at <= 2);
        return 0;
}
