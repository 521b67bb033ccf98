#ifndef MIME_HTML_H
#define MIME_HTML_H

/* The text that a reader of an HTML document sees, for searching and for previews: tags, comments, scripts
 * and styles are left out, character references (HTML 4's names, and numbers) are decoded, blanks in a row
 * are one space. What ends a line or a cell is a space as well, so words of two paragraphs do not run
 * together, and those that are only partly bold do.
 *
 * A tokenizer as HTML's, of which it keeps what decides where text begins and ends; piece by piece, in
 * constant memory and linear time. No document is wrong: what never ends lasts to the end. */

#include "base/buf.h"

enum { HTML_NAME_MAX = 12 /* longer names of elements and characters are none that matter */ };

/* Begin with {0}; holds no memory. */
struct html_text {
        unsigned state;
        char name[HTML_NAME_MAX]; /* of the element or the character at hand, in lower case if an element's */
        size_t name_n;            /* HTML_NAME_MAX + 1: too long */
        bool closing;             /* "</" */
        bool after_equals;        /* a quote begins a value here */
        char quote;               /* that ends it */
        unsigned dashes;          /* of a comment's end */
        bool in_script, in_style; /* only its end tag ends it */
        bool wants_space;         /* a blank, or what stands for one, was seen behind some text */
        bool has_text;
};

/* Appends the text of the next piece of a document in valid UTF-8, cut at a character. 0 or -E2BIG. */
int html_text_convert(struct html_text *h, struct slice utf8, struct buf *to);
/* The end of the document; `h` can begin again. */
int html_text_finish(struct html_text *h, struct buf *to);

/* The character that a reference means, by what is between "&" and ";": "eacute", "#233", "#xe9"; 0: none. */
uint32_t html_character(struct slice name);

#endif
