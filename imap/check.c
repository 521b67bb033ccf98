#include "imap/check.h"

#include <errno.h>

#include "base/log.h"
#include "base/utf7.h"
#include "imap/reply.h"

enum {
        CHECK_NAME_MAX =
                255, /* bytes of a name, for no file name is longer; and of one repeated in a reply */
};

const char *imap_name_problem(const char *name, char separator)
{
        size_t n = strlen(name);

        if (n == 0 || (n == 1 && name[0] == separator))
                return "Name is empty";
        if (name[0] == separator)
                return "Begins with hierarchy separator";
        for (size_t i = 0; i + 1 < n; i++)
                if (name[i] == separator && name[i + 1] == separator)
                        return "Has adjacent hierarchy separators";
        if (name[n - 1] == separator)
                return "Ends with hierarchy separator";
        if (n > CHECK_NAME_MAX)
                return "Name is too long";
        return NULL;
}

/* "[NONEXISTENT] Mailbox doesn't exist: a&AOk-b", in the form the client knows. */
static void say_missing(struct imap_session *s, const struct imap_command *c, const char *code,
                        const char *name)
{
        _cleanup_(buf_free) struct buf shown = {};

        if (s->enabled & FEATURES_UTF8_NAMES)
                buf_str(&shown, name);
        else if (utf7_from_utf8(&shown, slice_of(name)) < 0)
                buf_free(&shown);
        imap_no(s, c, "[%s] Mailbox doesn't exist: %.*s.", code, CHECK_NAME_MAX, buf_cstr(&shown));
}

void imap_fail_mailbox(struct imap_session *s, const struct imap_command *c, int error, const char *name,
                       const char *what)
{
        const char *problem;

        switch (error) {
        case -ENOENT:
                say_missing(s, c, "NONEXISTENT", name);
                return;
        case -EEXIST:
                imap_no(s, c, "[ALREADYEXISTS] Mailbox already exists.");
                return;
        case -EINVAL:
                problem = imap_name_problem(name, store_separator(s->store, name));
                imap_no(s, c, "[CANNOT] Invalid mailbox name%s%s.", problem ? ": " : "",
                        problem ? problem : "");
                return;
        case -ENAMETOOLONG:
                imap_no(s, c, "[CANNOT] Invalid mailbox name: Name is too long.");
                return;
        default:
                imap_fail(s, c, error, what);
        }
}

void imap_fail_target(struct imap_session *s, const struct imap_command *c, int error, const char *name,
                      const char *what)
{
        if (error == -ENOENT)
                say_missing(s, c, "TRYCREATE", name);
        else
                imap_fail_mailbox(s, c, error, name, what);
}

bool imap_check_keywords(struct imap_session *s, const struct imap_command *c, const struct imap_flags *flags)
{
        for (size_t i = 0; i < flags->keywords_n; i++) {
                if (flags->keywords[i].n <= s->settings->mail_max_keyword_length)
                        continue;
                imap_no(s, c, "[LIMIT] Keyword too long (at most %u bytes).",
                        s->settings->mail_max_keyword_length);
                return false;
        }
        return true;
}

bool imap_check_writable(struct imap_session *s, const struct imap_command *c)
{
        if (!mailbox_read_only(s->mailbox))
                return true;
        imap_no(s, c, "[READ-ONLY] Mailbox is read-only.");
        return false;
}

void imap_log_index(const struct mailbox *m)
{
        if (mailbox_index_fault(m))
                log_warning("The index of %s is made anew: %s", mailbox_name(m), mailbox_index_fault(m));
}
