#ifndef MIME_UNBINARY_H
#define MIME_UNBINARY_H

/* A message as it was sent with literal8 (RFC 3516 section 4.4), in a form that is text: parts whose content
 * transfer encoding is "binary" go into base64 and say so, multiparts and messages of that encoding say
 * "8bit". Nothing else is changed, and nothing of the content is lost. */

#include "base/slice.h"

/* Gives the message in pieces. 0; -EILSEQ: there are NULs in what is not of the encoding "binary", and the
 * pieces before them were given; or what `take` gave when that was not 0. */
int unbinary(struct slice message, int (*take)(void *context, struct slice bytes), void *context);

#endif
