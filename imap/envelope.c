#include "imap/envelope.h"

#include "imap/quote.h"
#include "mime/address.h"

enum text_field { DATE, SUBJECT, IN_REPLY_TO, MESSAGE_ID, TEXT_FIELDS };
enum list_field { FROM, SENDER, REPLY_TO, TO, CC, BCC, LIST_FIELDS };

static const struct slice text_names[TEXT_FIELDS] = {
        [DATE] = SLICE("Date"),
        [SUBJECT] = SLICE("Subject"),
        [IN_REPLY_TO] = SLICE("In-Reply-To"),
        [MESSAGE_ID] = SLICE("Message-ID"),
};
static const struct slice list_names[LIST_FIELDS] = {
        [FROM] = SLICE("From"), [SENDER] = SLICE("Sender"), [REPLY_TO] = SLICE("Reply-To"),
        [TO] = SLICE("To"),     [CC] = SLICE("Cc"),         [BCC] = SLICE("Bcc"),
};

struct list {
        struct address *first;
        size_t n;
};

struct envelope {
        struct slice texts[TEXT_FIELDS]; /* p == NULL: absent */
        struct list lists[LIST_FIELDS];
};

static int find_name(const struct slice *names, int n, struct slice name)
{
        for (int i = 0; i < n; i++)
                if (names[i].n == name.n && slice_ieq(names[i], name))
                        return i;
        return -1;
}

/* Adds a further field's addresses. Each field holds ADDRESS_MAX at most, and no field is added to a list
 * that long: so a list stays below twice that, with its groups whole. */
static void list_add(struct arena *a, struct list *list, struct slice value)
{
        if (list->n >= ADDRESS_MAX)
                return;
        struct address **end = &list->first;
        while (*end)
                end = &(*end)->next;
        *end = address_parse(a, value);
        for (const struct address *at = *end; at; at = at->next)
                list->n++;
}

static void envelope_read(struct arena *a, struct header_iter it, struct envelope *e)
{
        struct header_field field;
        while (header_next(&it, &field)) {
                int i = field.name.n ? find_name(text_names, TEXT_FIELDS, field.name) : -1;
                if (i >= 0) {
                        struct slice text = header_unfold(a, field.value);
                        e->texts[i] = text.p ? text : SLICE("");
                        continue;
                }
                i = find_name(list_names, LIST_FIELDS, field.name);
                if (i >= 0)
                        list_add(a, &e->lists[i], field.value);
        }
}

static void write_list(struct buf *to, const struct address *list)
{
        if (!list) {
                buf_str(to, "NIL");
                return;
        }
        buf_char(to, '(');
        for (; list; list = list->next) {
                buf_char(to, '(');
                quote_text(to, list->name);
                buf_char(to, ' ');
                quote_nstring(to, list->route);
                buf_char(to, ' ');
                quote_nstring(to, list->mailbox);
                buf_char(to, ' ');
                quote_nstring(to, list->host);
                buf_char(to, ')');
        }
        buf_char(to, ')');
}

int envelope_write(struct header_iter header, struct buf *to)
{
        _cleanup_(arena_free) struct arena arena = {0};
        struct envelope e = {0};
        envelope_read(&arena, header, &e);

        buf_char(to, '(');
        quote_nstring(to, e.texts[DATE]);
        buf_char(to, ' ');
        quote_text(to, e.texts[SUBJECT]);
        for (int i = 0; i < LIST_FIELDS; i++) {
                const struct address *list = e.lists[i].first;
                if (!list && (i == SENDER || i == REPLY_TO))
                        list = e.lists[FROM].first;
                buf_char(to, ' ');
                write_list(to, list);
        }
        buf_char(to, ' ');
        quote_nstring(to, e.texts[IN_REPLY_TO]);
        buf_char(to, ' ');
        quote_nstring(to, e.texts[MESSAGE_ID]);
        buf_char(to, ')');
        return to->error;
}
