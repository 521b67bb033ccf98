#include "pop3/command.h"

#include <errno.h>

#include "base/number.h"

enum { DETAIL_MAX = 40 /* of the client's own words in an answer */ };

struct parse {
        struct slice args; /* what follows the command's name and one space */
        struct pop3_command *command;
        struct pop3_error *error;
};

static bool is_printable(struct slice s)
{
        for (size_t i = 0; i < s.n; i++)
                if (s.p[i] < 0x20 || s.p[i] > 0x7e)
                        return false;
        return true;
}

static int refuse(struct pop3_error *error, const char *text, struct slice detail)
{
        /* nobody's bytes come back as anything but a word or nothing */
        if (detail.n > DETAIL_MAX || !is_printable(detail))
                detail = SLICE_NULL;
        *error = (struct pop3_error){text, detail};
        return -EINVAL;
}

static struct slice trim_spaces(struct slice s)
{
        while (s.n && s.p[0] == ' ')
                s = slice_from(s, 1);
        while (s.n && s.p[s.n - 1] == ' ')
                s.n--;
        return s;
}

static bool take_word(struct slice *rest, struct slice *ret)
{
        *rest = trim_spaces(*rest);
        if (!slice_split(rest, ' ', ret))
                return false;
        *rest = trim_spaces(*rest);
        return true;
}

static int take_message(struct parse *p)
{
        struct slice word;
        if (!take_word(&p->args, &word))
                return refuse(p->error, "Missing message number.", SLICE_NULL);
        int r = slice_to_u32(word, &p->command->message);
        if (r == -ERANGE)
                return refuse(p->error, "Message number too large: ", word);
        if (r < 0)
                return refuse(p->error, "Invalid message number: ", word);
        p->command->has_message = true;
        return 0;
}

static int parse_nothing(struct parse *p)
{
        struct slice noise = trim_spaces(p->args);
        return noise.n ? refuse(p->error, "Noise after command: ", noise) : 0;
}

static int parse_message(struct parse *p)
{
        int r = take_message(p);
        if (r == 0 && p->args.n)
                r = refuse(p->error, "Noise after message number: ", p->args);
        return r;
}

static int parse_optional_message(struct parse *p)
{
        return trim_spaces(p->args).n ? parse_message(p) : 0;
}

static int parse_top(struct parse *p)
{
        struct slice word;
        int r = take_message(p);
        if (r < 0)
                return r;
        if (!take_word(&p->args, &word))
                return refuse(p->error, "Missing number of lines.", SLICE_NULL);
        r = slice_to_u64(word, &p->command->lines);
        if (r == -ERANGE)
                return refuse(p->error, "Size too large: ", word);
        if (r < 0)
                return refuse(p->error, "Invalid size: ", word);
        return p->args.n ? refuse(p->error, "Noise after size: ", p->args) : 0;
}

static int parse_user(struct parse *p)
{
        p->command->text = trim_spaces(p->args);
        return p->command->text.n ? 0 : refuse(p->error, "No username given.", SLICE_NULL);
}

static int parse_password(struct parse *p)
{
        /* RFC 1939 section 7: spaces belong to the password */
        p->command->text = p->args;
        return p->args.n ? 0 : refuse(p->error, "No password given.", SLICE_NULL);
}

static int parse_auth(struct parse *p)
{
        struct pop3_command *c = p->command;
        if (!take_word(&p->args, &c->mechanism))
                return 0;
        c->has_initial = take_word(&p->args, &c->initial);
        if (c->has_initial && slice_eq(c->initial, SLICE("=")))
                c->initial = SLICE_NULL;
        return p->args.n ? refuse(p->error, "Noise after initial response.", SLICE_NULL) : 0;
}

static const struct {
        const char *name;
        enum pop3_command_id id;
        unsigned states;
        int (*parse)(struct parse *p);
        bool any_bytes; /* control characters and bytes above 126 are part of the argument */
} commands[] = {
        {"AUTH", POP3_AUTH, POP3_AUTHORIZATION, parse_auth, false},
        {"CAPA", POP3_CAPA, POP3_AUTHORIZATION | POP3_TRANSACTION, parse_nothing, false},
        {"DELE", POP3_DELE, POP3_TRANSACTION, parse_message, false},
        {"LAST", POP3_LAST, POP3_TRANSACTION, parse_nothing, false},
        {"LIST", POP3_LIST, POP3_TRANSACTION, parse_optional_message, false},
        /* before login too, where RFC 1939 has none: it does no harm and some clients keep alive with it */
        {"NOOP", POP3_NOOP, POP3_AUTHORIZATION | POP3_TRANSACTION, parse_nothing, false},
        {"PASS", POP3_PASS, POP3_AUTHORIZATION, parse_password, true},
        {"QUIT", POP3_QUIT, POP3_AUTHORIZATION | POP3_TRANSACTION, parse_nothing, false},
        {"RETR", POP3_RETR, POP3_TRANSACTION, parse_message, false},
        {"RSET", POP3_RSET, POP3_TRANSACTION, parse_nothing, false},
        {"STAT", POP3_STAT, POP3_TRANSACTION, parse_nothing, false},
        {"STLS", POP3_STLS, POP3_AUTHORIZATION, parse_nothing, false},
        {"TOP", POP3_TOP, POP3_TRANSACTION, parse_top, false},
        {"UIDL", POP3_UIDL, POP3_TRANSACTION, parse_optional_message, false},
        {"USER", POP3_USER, POP3_AUTHORIZATION, parse_user, true},
};

int pop3_command_parse(struct slice line, unsigned state, struct pop3_command *ret,
                       struct pop3_error *ret_error)
{
        size_t end = slice_find(line, ' ');
        struct slice name = slice_head(line, end);
        size_t i = 0;
        while (i < ARRAY_LEN(commands) && !slice_ieq(name, slice_of(commands[i].name)))
                i++;
        if (i == ARRAY_LEN(commands))
                return name.n && name.n <= DETAIL_MAX && is_printable(name)
                               ? refuse(ret_error, "Unknown command: ", name)
                               : refuse(ret_error, "Unknown command.", SLICE_NULL);
        if (!(commands[i].states & state))
                return refuse(ret_error, state == POP3_AUTHORIZATION ? "Log in first." : "Already logged in.",
                              SLICE_NULL);
        /* a NUL or a bare CR means different things to different programs: never part of a name or a password
         */
        struct slice args = slice_from(line, end + 1);
        if (slice_find(args, '\0') < args.n || slice_find(args, '\r') < args.n)
                return refuse(ret_error, "Line with NUL or bare CR.", SLICE_NULL);
        if (!commands[i].any_bytes && !is_printable(args))
                return refuse(ret_error, "Argument is not printable ASCII.", SLICE_NULL);
        struct pop3_command command = {.id = commands[i].id};
        struct parse p = {args, &command, ret_error};
        int r = commands[i].parse(&p);
        if (r == 0)
                *ret = command;
        return r;
}
