#include "imap/bodystructure.h"

#include "imap/envelope.h"
#include "imap/quote.h"

struct writer {
        struct slice message;
        bool extended;
        struct buf *to;
};

static void write_pair(struct buf *to, struct slice name, struct slice value)
{
        quote_string(to, name);
        buf_char(to, ' ');
        quote_string(to, value);
}

/* Continuations are joined (RFC 2231 section 6). */
static void write_params(struct buf *to, const struct param *params, bool needs_charset)
{
        _cleanup_(arena_free) struct arena arena = {0};
        const struct param *list = param_join(&arena, params);
        if (needs_charset && param_find(list, SLICE("charset")).p)
                needs_charset = false;
        if (!list && !needs_charset) {
                buf_str(to, "NIL");
                return;
        }
        buf_char(to, '(');
        for (const struct param *p = list; p; p = p->next) {
                write_pair(to, p->name, p->value);
                if (p->next || needs_charset)
                        buf_char(to, ' ');
        }
        if (needs_charset)
                write_pair(to, SLICE("charset"), SLICE("us-ascii"));
        buf_char(to, ')');
}

/* " dsp lang loc", the end of both kinds of extension data */
static void write_extension(struct buf *to, const struct part *p)
{
        if (p->disposition.n == 0) {
                buf_str(to, " NIL");
        } else {
                buf_str(to, " (");
                quote_string(to, p->disposition);
                buf_char(to, ' ');
                write_params(to, p->disposition_params, false);
                buf_char(to, ')');
        }
        if (!p->languages) {
                buf_str(to, " NIL ");
        } else {
                const char *before = " (";
                for (const struct param *l = p->languages; l; l = l->next, before = " ") {
                        buf_str(to, before);
                        quote_string(to, l->name);
                }
                buf_str(to, ") ");
        }
        quote_nstring(to, p->location);
}

static void write_part(const struct writer *w, const struct part *p);

static void write_multipart(const struct writer *w, const struct part *p)
{
        for (const struct part *child = p->children; child; child = child->next)
                write_part(w, child);
        if (!p->children) {
                buf_str(w->to, "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0");
                buf_str(w->to, w->extended ? " NIL NIL NIL NIL)" : ")");
        }
        buf_char(w->to, ' ');
        quote_string(w->to, p->subtype);
        if (w->extended) {
                buf_char(w->to, ' ');
                write_params(w->to, p->params, false);
                write_extension(w->to, p);
        }
}

static void write_single(const struct writer *w, const struct part *p)
{
        struct buf *to = w->to;
        bool text = slice_ieq(p->type, SLICE("text"));
        write_pair(to, p->type, p->subtype);
        buf_char(to, ' ');
        write_params(to, p->params, text);
        buf_char(to, ' ');
        quote_nstring(to, p->id);
        buf_char(to, ' ');
        quote_text(to, p->description);
        buf_char(to, ' ');
        quote_string(to, p->encoding.n ? p->encoding : SLICE("7bit"));
        buf_char(to, ' ');
        buf_number(to, part_virtual_size(p->body));
        if (p->kind == PART_MESSAGE) {
                const struct part *inner = p->children;
                buf_char(to, ' ');
                envelope_write(header_iter(part_bytes(w->message, inner->header)), to);
                buf_char(to, ' ');
                write_part(w, inner);
        }
        if (text || p->kind == PART_MESSAGE) {
                buf_char(to, ' ');
                buf_number(to, p->body.lines);
        }
        if (w->extended) {
                buf_char(to, ' ');
                quote_nstring(to, p->md5);
                write_extension(to, p);
        }
}

/* As deep as the tree, which PART_MAX_DEPTH bounds. */
static void write_part(const struct writer *w, const struct part *p)
{
        if (w->to->error)
                return;
        buf_char(w->to, '(');
        if (p->kind == PART_MULTIPART)
                write_multipart(w, p);
        else
                write_single(w, p);
        buf_char(w->to, ')');
}

int bodystructure_write(struct slice message, const struct part *root, bool extended, struct buf *to)
{
        struct writer w = {.message = message, .extended = extended, .to = to};
        if (to->error)
                return to->error;
        size_t start = to->n;
        write_part(&w, root);
        if (!to->error)
                return 0;

        to->n = start;
        to->error = 0;
        buf_printf(to, "(\"application\" \"octet-stream\" NIL NIL NIL \"8bit\" %zu%s)",
                   part_virtual_size(root->body), extended ? " NIL NIL NIL NIL" : "");
        return to->error;
}
