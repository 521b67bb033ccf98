#ifndef MIME_PARAM_H
#define MIME_PARAM_H

/* Values with parameters: Content-Type (RFC 2045 section 5.1), Content-Disposition (RFC 2183) and the single
 * tokens of Content-Transfer-Encoding and Content-Language. Comments and folds are removed, quoted strings
 * unquoted.
 *
 * There are two views of the parameters. The first is as they were sent: "filename*0*" is a name like any
 * other, which is what BODYSTRUCTURE says. param_decode() makes the second: RFC 2231's pieces joined and
 * everything in UTF-8. */

#include "base/arena.h"

enum {
        PARAM_MAX = 100,         /* parameters of one value, the rest is dropped; real mail has under ten */
        PARAM_MAX_SECTION = 999, /* highest n of "name*n", RFC 2231 sets none */
};

struct param {
        struct param *next;
        struct slice name; /* as written */
        struct slice value;
};

struct content_type {
        struct slice type, subtype; /* as written: compare with slice_ieq() */
        struct param *params;       /* NULL: none */
};

/* 0, or -EINVAL when there is no type "/" subtype. Broken parameters are skipped. */
int content_type_parse(struct arena *a, struct slice value, struct content_type *ret);

struct content_disposition {
        struct slice type; /* "attachment", "inline" ... */
        struct param *params;
};

/* 0, or -EINVAL when there is no token. */
int content_disposition_parse(struct arena *a, struct slice value, struct content_disposition *ret);

/* The first token or quoted string of a value, such as Content-Transfer-Encoding's; n == 0 when there is
 * none. */
struct slice content_token(struct arena *a, struct slice value);
/* The tokens of a comma separated list (Content-Language, RFC 3282): a list of params with an empty value. */
struct param *content_token_list(struct arena *a, struct slice value);

/* The value of the first parameter of that name (ASCII case-insensitive); p == NULL when there is none. */
struct slice param_find(const struct param *list, struct slice name);

/* A new list in which "name*0*=utf-8''a%20b", "name*1=c" are one `name*` with the value "utf-8''a%20bc", and
 * "name*0=a", "name*1=b" one `name` with "ab" (RFC 2231 section 3). Where one piece is encoded, those that
 * are not are escaped. The order is that of the pieces numbered 0; pieces that do not follow on from 0 are
 * left out. */
struct param *param_join(struct arena *a, const struct param *list);

/* A new list, joined and decoded: "title*0*=us-ascii'en'This%20",
 * "title*1=is" are one `title`, and values are UTF-8 (RFC 2231 sections 3 and 4). Encoded words in values,
 * which RFC 2047 forbids and everybody sends, are decoded as well. Pieces that do not follow on from 0 are
 * left out. */
struct param *param_decode(struct arena *a, const struct param *list);

#endif
