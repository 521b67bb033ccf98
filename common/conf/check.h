#ifndef CONF_CHECK_H
#define CONF_CHECK_H

/* The tree of a settings file against the table: every name known, every value readable, every block where it
 * may be. */

#include "conf/reader.h"
#include "conf/table.h"

/* Which blocks of a filter there are: protocol imap { }, local_name x { }, local 192.0.2.1 { }, remote ... {
 * }. */
bool check_is_filter(const struct conf_node *n);
/* It is one that a connection can match: not that of a protocol which others serve. */
bool check_is_served(const struct conf_node *n);

/* Tells all errors and warnings. A value given as <file for a setting that is no file setting is read here
 * and replaced by the file's content. */
void check_tree(struct conf_reader *r, struct conf_node *root);

/* For the reader's default_of. */
const char *check_default_of(const struct conf_node *section, const char *key);

#endif
