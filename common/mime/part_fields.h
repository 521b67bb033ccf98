#ifndef MIME_PART_FIELDS_H
#define MIME_PART_FIELDS_H

/* For part.c alone: what a part's Content- fields say. */

#include "mime/part.h"

/* Fills in the fields of `p` from its header. *budget is how many bytes of Content- fields may still be
 * looked at in this message; fields beyond it are not seen. `in_digest` sets the default type. Type and kind
 * are effective as far as the header alone tells: a multipart has a boundary (returned; n == 0 for other
 * kinds). */
struct slice part_fields_parse(struct arena *a, struct part *p, struct slice header, bool in_digest,
                               size_t *budget);

/* A multipart or message that cannot be looked into. */
void part_fields_make_opaque(struct part *p);

#endif
