#ifndef CONF_VALUE_H
#define CONF_VALUE_H

/* One value: text to the typed field and back. Pure. */

#include "base/arena.h"
#include "base/buf.h"
#include "conf/table.h"

/* Puts the value into its field of the struct at `base`; strings go into the arena. `is_file`: it was written
 * as <value. NULL, or why it cannot be (static text or in the arena); then the field is untouched. */
const char *value_parse(const struct conf_setting *s, const char *value, bool is_file, struct arena *a,
                        void *base);

/* Sets every field of the section's struct to its default. */
void value_defaults(const struct conf_section *section, struct arena *a, void *base);

/* Appends the value as it would be written, without quotes. */
void value_format(const struct conf_setting *s, const void *base, struct buf *to);

#endif
