#ifndef CONF_FOREIGN_H
#define CONF_FOREIGN_H

/* What Dovecot 2.3 knows and this server has no use for: a warning, never an error, so that an existing
 * `doveconf -n` loads. */

#include "conf/table.h"

/* Whether it is such a setting in this section (conf_sections[0]: the top level), or in protocol X { }. */
bool foreign_setting(const struct conf_section *section, const char *name);
/* Whether it is such a section; its contents are not looked at. */
bool foreign_section(const struct conf_section *parent, const char *name);
/* A protocol of Dovecot's, or of a well-known plugin, that is not served here. */
bool foreign_protocol(const char *name);

/* One name after the other in the order of the alphabet, of the top level; NULL at the end. For the manual.
 */
const char *foreign_name(size_t i);

#endif
