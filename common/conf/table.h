#ifndef CONF_TABLE_H
#define CONF_TABLE_H

/* The one table of settings. The reader checks names and values against it, conf_resolve() fills the struct
 * by it, conf_print() and the man page are made from it. No setting is ever renamed. */

#include "base/buf.h"
#include "conf/settings.h"

enum conf_type {
        CONF_HEADING, /* no setting: `name` heads a part of the manual */
        CONF_BOOL,    /* bool: yes, no */
        CONF_UINT,    /* uint32_t */
        CONF_SIZE,    /* uint64_t, bytes: "64 k" */
        CONF_TIME,    /* int64_t, milliseconds: "30 mins" */
        CONF_STRING,  /* const char * */
        CONF_LIST,    /* struct settings_list */
        CONF_ENUM,    /* enum, by its place in `words` */
        CONF_FILE,    /* struct settings_file */
};

enum {
        CONF_NOT_YET = 1 << 0, /* accepted, checked, and without effect so far: a warning */
        CONF_SECRET = 1 << 1,  /* never printed */
        CONF_LOWER = 1 << 2,   /* a list in lower case */
};

struct conf_setting {
        const char *name;
        enum conf_type type;
        size_t offset;
        const char *initial;      /* the default, as it would be written */
        const char *doc;          /* one line */
        const char *const *words; /* CONF_ENUM, and a CONF_LIST that has no others; ends with NULL */
        unsigned flags;
};

struct conf_section {
        const char *name; /* NULL: the top level */
        const struct conf_section *parent;
        const char *doc;
        const struct conf_setting *settings;
        size_t count;
        size_t size;          /* of its struct */
        size_t name_offset;   /* const char *, in its struct */
        size_t items_offset;  /* in the parent's struct: the array, */
        size_t number_offset; /* and how many there are */
        /* Its settings are fields of the parent's struct, whatever it is called and however often it is
         * there; names that are not in the table are other programs'. */
        bool flat;
};

/* The top level first; a parent before its children. */
extern const struct conf_section conf_sections[];
extern const size_t conf_section_count;

/* The section called so directly in `parent`, or NULL. */
const struct conf_section *table_section(const struct conf_section *parent, const char *name);
/* Never a heading. NULL: not there. */
const struct conf_setting *table_setting(const struct conf_section *section, const char *name);

/* What a session uses when the file says nothing about these. */
extern const char table_default_namespace[];
extern const char table_default_passdb[];
extern const char table_default_userdb[];

/* The separators of a list value. */
static inline bool table_list_separator(char c)
{
        return c == ' ' || c == ',' || c == '\t';
}

#endif
