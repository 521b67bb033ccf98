#include "../unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "imap/parse.h"
#include "render.h"

/* What is expected of a line; one that begins with "BAD " or "NO " is the error. */
struct example {
        const char *line, *expected;
};

static void check(unsigned enabled, const struct example *examples, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                _cleanup_(arena_free) struct arena arena = {0};
                _cleanup_(buf_free) struct buf got = {0};
                struct imap_command c;
                struct imap_parse_error error = {0};
                /* an exact copy, so that a sanitizer sees a byte too far */
                size_t length = strlen(examples[i].line);
                char *line = malloc(length ? length : 1);
                memcpy(line, examples[i].line, length);
                if (imap_command_parse(&arena, slice_make(line, length), enabled, &c, &error) == 0)
                        render_command(&got, &c);
                else
                        buf_printf(&got, "%s %s", error.no ? "NO" : "BAD", error.text);
                if (strcmp(buf_cstr(&got), examples[i].expected) != 0)
                        fail_msg("%s\n gave     %s\n expected %s", examples[i].line, buf_cstr(&got),
                                 examples[i].expected);
                free(line);
        }
}
#define CHECK_WITH(enabled, ...)                                                                             \
        do {                                                                                                 \
                static const struct example examples_[] = {__VA_ARGS__};                                     \
                check(enabled, examples_, ARRAY_LEN(examples_));                                             \
        } while (0)
#define CHECK(...)           CHECK_WITH(0, __VA_ARGS__)
#define ERROR(command, text) "BAD Error in IMAP command " command ": " text "."

static void the_table_is_in_order(void **state)
{
        for (int i = 0; i < IMAP_COMMAND_COUNT; i++)
                assert_int_equal(imap_command_type((enum imap_command_id)i)->id, i);
        assert_int_equal(imap_command_type(IMAP_FETCH)->states, STATE_SELECTED);
}

static void tags_and_names(void **state)
{
        CHECK({"a NOOP", "a NOOP"}, {". logout", ". LOGOUT"}, {"a]1 CAPABILITY  ", "a]1 CAPABILITY"},
              {"a  NoOp", "a NOOP"}, {"a NOOP x", ERROR("NOOP", "Unexpected argument \"x\"")},
              {"", "BAD Error in IMAP command: Invalid tag."},
              {" NOOP", "BAD Error in IMAP command: Invalid tag."},
              {"+ NOOP", "BAD Error in IMAP command: Invalid tag."},
              {"* NOOP", "BAD Error in IMAP command: Invalid tag."},
              {"a+b NOOP", "BAD Error in IMAP command: Invalid tag."},
              {"a", "BAD Error in IMAP command: No command was given."},
              {"a ", "BAD Error in IMAP command: No command was given."},
              {"a FOO bar", ERROR("FOO", "Unknown command")},
              {"a (NOOP)", "BAD Error in IMAP command: Unknown command."},
              {"a UID", ERROR("UID", "Unknown command")},
              {"a UID NOOP", ERROR("UID NOOP", "Unknown command")},
              {"a NOOP\rx", ERROR("NOOP", "Unexpected argument \"?x\"")},
              {"a\tNOOP", "BAD Error in IMAP command: Invalid tag."},
              {"a NOOP\t", ERROR("NOOP", "Unexpected argument \"?\"")});
}

static void errors_name_tag_and_command(void **state)
{
        _cleanup_(arena_free) struct arena arena = {0};
        struct imap_command c;
        struct imap_parse_error error;
        assert_int_equal(imap_command_parse(&arena, SLICE("t1 FETCH x"), 0, &c, &error), -EINVAL);
        assert_slice_equal(error.tag, SLICE("t1"));
        assert_ptr_equal(error.type, imap_command_type(IMAP_FETCH));
        assert_int_equal(imap_command_parse(&arena, SLICE("t2 FOO"), 0, &c, &error), -EINVAL);
        assert_slice_equal(error.tag, SLICE("t2"));
        assert_null(error.type);
        assert_int_equal(imap_command_parse(&arena, SLICE("a NOOP\0"), 0, &c, &error), -EINVAL);
}

static void login_and_authenticate(void **state)
{
        CHECK({"a LOGIN kevin secret", "a LOGIN <kevin> <secret>"},
              {"a login \"k \\\"e\\\\\" \"\"", "a LOGIN <k \"e\\> <>"},
              {"a LOGIN {5}\r\nkevin {3+}\r\na b", "a LOGIN <kevin> <a b>"},
              {"a LOGIN kevin p*s%s\\w]", "a LOGIN <kevin> <p*s%s\\w]>"},
              {"a LOGIN \"k\xc3\xa9vin\" p\xc3\xa9", "a LOGIN <k\xc3\xa9vin> <p\xc3\xa9>"},
              {"a LOGIN kevin", ERROR("LOGIN", "Expected a user name and a password")},
              {"a LOGIN kevin \"x", ERROR("LOGIN", "Expected a user name and a password")},
              {"a LOGIN kevin \"x\\y\"", ERROR("LOGIN", "Expected a user name and a password")},
              {"a LOGIN {9}\r\nkevin x", ERROR("LOGIN", "Expected a user name and a password")},
              {"a LOGIN {x{1}\r\nk x", ERROR("LOGIN", "Expected a user name and a password")},
              {"a LOGIN kevin \"a\r\nb\"", ERROR("LOGIN", "Expected a user name and a password")},
              {"a AUTHENTICATE PLAIN", "a AUTHENTICATE <PLAIN>"},
              {"a AUTHENTICATE plain AGEAYg==", "a AUTHENTICATE <plain> <AGEAYg==>"},
              {"a AUTHENTICATE EXTERNAL =", "a AUTHENTICATE <EXTERNAL> NIL"},
              {"a AUTHENTICATE", ERROR("AUTHENTICATE", "Expected the name of a mechanism")},
              {"a AUTHENTICATE PLAIN x y", ERROR("AUTHENTICATE", "Invalid initial response")});
}

static void id_and_enable(void **state)
{
        CHECK({"a ID NIL", "a ID"}, {"a ID ()", "a ID"},
              {"a ID (\"name\" \"x y\" \"version\" NIL)", "a ID <name> <x y> <version> NIL"},
              {"a ID (\"name\" \"\")", "a ID <name> <>"}, {"a ID ( \"a\" {2+}\r\n() )", "a ID <a> <()>"},
              {"a ID", ERROR("ID", "Missing arguments")},
              {"a ID (\"name\")", ERROR("ID", "A field has no value")},
              {"a ID (NIL \"x\")", ERROR("ID", "A field's name cannot be NIL")},
              {"a ID NILX", ERROR("ID", "Unexpected argument \"X\"")},
              {"a ENABLE CONDSTORE X-GOOD ", "a ENABLE <CONDSTORE> <X-GOOD>"},
              {"a ENABLE", ERROR("ENABLE", "Missing arguments")},
              {"a ENABLE (x)", ERROR("ENABLE", "Invalid characters at \"(x)\"")});
}

#define NOT_MUTF7 "NO [CANNOT] Invalid mailbox name: Name is not valid mUTF-7"
static void mailbox_names(void **state)
{
        CHECK({"a SELECT inBox", "a SELECT <INBOX>"}, {"a SELECT \"INBOX\"", "a SELECT <INBOX>"},
              {"a SELECT inbox.x", "a SELECT <inbox.x>"}, {"a EXAMINE a/b]", "a EXAMINE <a/b]>"},
              {"a CREATE {7}\r\na b.c&-", "a CREATE <a b.c&>"},
              {"a DELETE \"Entw&APw-rfe\"", "a DELETE <Entw\xc3\xbcrfe>"},
              {"a SUBSCRIBE \"\"", "a SUBSCRIBE <>"},
              {"a UNSUBSCRIBE a\\b", ERROR("UNSUBSCRIBE", "Unexpected argument \"\\b\"")},
              {"a RENAME x \"y z\"", "a RENAME <x> <y z>"},
              {"a RENAME x", ERROR("RENAME", "Missing arguments")},
              {"a SELECT", ERROR("SELECT", "Missing arguments")},
              {"a SELECT a b", ERROR("SELECT", "Unexpected argument \"b\"")},
              {"a SELECT a (CONDSTORE)", "a SELECT <a> condstore"},
              {"a SELECT (a)", ERROR("SELECT", "Invalid characters at \"(a)\"")},
              {"a SELECT a*", ERROR("SELECT", "Unexpected argument \"*\"")}, {"a SELECT \"a&\"", NOT_MUTF7},
              {"a SELECT \"Entw\xc3\xbcrfe\"", NOT_MUTF7}, {"a SELECT \"&AGE-\"", NOT_MUTF7},
              {"a SELECT {3+}\r\na\tb", NOT_MUTF7},
              {"a CREATE \"a&AAo-\"", "NO [CANNOT] Invalid mailbox name: Control characters are not allowed"},
              {"a CREATE a&AAA-b", "NO [CANNOT] Invalid mailbox name: Control characters are not allowed"});
}

static void list_and_status(void **state)
{
        CHECK({"a LIST \"\" *", "a LIST <> <*>"}, {"a LSUB \"#news.\" \"%.x\"", "a LSUB <#news.> <%.x>"},
              {"a LIST \"\" inbox", "a LIST <> <inbox>"},
              {"a LIST \"\" \"*&APw-%\"", "a LIST <> <*\xc3\xbc%>"},
              {"a LIST \"\" {1}\r\n*", "a LIST <> <*>"}, {"a LIST \"\" \"\"", "a LIST <> <>"},
              {"a LIST (SPECIAL-USE) \"\" *", "a LIST <> <*> extended select-special-use"},
              {"a LIST () \"\" * RETURN (SPECIAL-USE CHILDREN)",
               "a LIST <> <*> extended children special-use"},
              {"a LIST \"\" * return ()", "a LIST <> <*> extended"},
              {"a LIST (REMOTE SUBSCRIBED recursivematch subscribed) \"\" *",
               "a LIST <> <*> extended select-subscribed select-recursive select-remote"},
              {"a LIST (RECURSIVEMATCH) \"\" *",
               ERROR("LIST", "RECURSIVEMATCH needs another selection option")},
              {"a LIST (RECURSIVEMATCH REMOTE) \"\" *",
               ERROR("LIST", "RECURSIVEMATCH needs another selection option")},
              {"a LIST (CHILDREN) \"\" *", ERROR("LIST", "Unknown option \"CHILDREN\"")},
              {"a LIST \"\" * RETURN (REMOTE)", ERROR("LIST", "Unknown option \"REMOTE\"")},
              {"a LIST \"\" (a \"b %\" {1}\r\nc) RETURN (MYRIGHTS SUBSCRIBED)",
               "a LIST <> <a> <b %> <c> extended subscribed rights"},
              {"a LIST \"\" ()", ERROR("LIST", "Invalid characters at \")\"")},
              {"a LSUB \"\" (a b)", ERROR("LSUB", "Invalid characters at \"(a b)\"")},
              {"a LSUB (SUBSCRIBED) \"\" *", ERROR("LSUB", "Invalid characters at \"(SUBSCRIBED) \"\" *\"")},
              {"a XLIST \"\" %", "a XLIST <> <%>"},
              {"a CREATE x (USE (\\Drafts \\sent))", "a CREATE <x> <Drafts> <sent>"},
              {"a CREATE x (USE ())", "a CREATE <x>"},
              {"a CREATE x (USE (Drafts))",
               ERROR("CREATE", "Expected a special use instead of \"Drafts))\"")},
              {"a CREATE x (PARTITION 1)", ERROR("CREATE", "Unknown parameter \"PARTITION\"")},
              {"a CREATE x (USE (\\Drafts)", ERROR("CREATE", "Missing ')'")},
              {"a CREATE x y", ERROR("CREATE", "Expected a list in parentheses")},
              {"a LIST \"\" (a b)", "a LIST <> <a> <b> extended"},
              {"a LIST \"\" * RETURN (STATUS (MESSAGES unseen) CHILDREN)",
               "a LIST <> <*> extended children status-11"},
              {"a LIST \"\" * RETURN (STATUS)", ERROR("LIST", "Expected a space before \")\"")},
              {"a LIST \"\" * RETURN (STATUS (FOO))", ERROR("LIST", "Unknown status item \"FOO\"")},
              {"a LIST \"\" * x", ERROR("LIST", "Unexpected argument \"x\"")},
              {"a LSUB \"\" * RETURN ()", ERROR("LSUB", "Unexpected argument \"RETURN ()\"")},
              {"a LIST \"\"", ERROR("LIST", "Missing arguments")}, {"a LIST \"\" &x", NOT_MUTF7},
              {"a STATUS x (MESSAGES uidnext)", "a STATUS <x> 05"},
              {"a STATUS \"x\" ( RECENT UIDVALIDITY UNSEEN )", "a STATUS <x> 1a"},
              {"a STATUS x ()", ERROR("STATUS", "Unknown status item \")\"")},
              {"a STATUS x MESSAGES", ERROR("STATUS", "Expected a list in parentheses")},
              {"a STATUS x (SIZE mailboxid)", "a STATUS <x> c0"},
              {"a STATUS x (MESSAGES", ERROR("STATUS", "Missing ')'")});
}

static void append(void **state)
{
        CHECK({"a APPEND Sent {310}", "a APPEND <Sent> < {310}>"},
              {"a APPEND {5}\r\na b c (\\Seen x \\Recent) {0+}",
               "a APPEND <a b c> < (\\Seen x \\Recent) {0+}>"},
              {"a APPEND x", ERROR("APPEND", "Missing arguments")}, {"a APPEND &x {1}", NOT_MUTF7},
              {"a REPLACE 4 Drafts (\\Seen) {3}", "a REPLACE 4 <Drafts> < (\\Seen) {3}>"},
              {"a uid REPLACE * x {3}", "a UID REPLACE * <x> < {3}>"},
              {"a REPLACE 4:4 x {3}", "a REPLACE 4 <x> < {3}>"},
              {"a REPLACE 4,5 x {3}", ERROR("REPLACE", "Expected the number of one message")},
              {"a REPLACE 4:5 x {3}", ERROR("REPLACE", "Expected the number of one message")},
              {"a REPLACE x {3}", ERROR("REPLACE", "Invalid message set at \"x {3}\"")},
              {"a REPLACE 4 {3}", ERROR("REPLACE", "Incomplete literal")});
}

static void the_message_of_an_append_is_known(void **state)
{
        static const char *const messages[] = {"a APPEND x {5}",        "a append \"x y\" (\\Seen) {5+}",
                                               "a APPEND {1}\r\nx {5}", "a APPEND x (bad {5}",
                                               "a APPEND URL {5}",      "a APPEND x CATENATE (TEXT ~{5+}",
                                               "a UID REPLACE 5 x {5}"};
        static const char *const others[] = {"a APPEND {5}",
                                             "a APPEND \"x {5}",
                                             "a APPENDX x {5}",
                                             "a LOGIN x {5}",
                                             "",
                                             "a REPLACE 5 {5}",
                                             "a REPLACE {5}",
                                             "a APPEND x CATENATE (URL {5}"};
        for (size_t i = 0; i < ARRAY_LEN(messages); i++)
                assert_true(imap_literal_is_message(slice_of(messages[i]), false));
        for (size_t i = 0; i < ARRAY_LEN(others); i++)
                assert_false(imap_literal_is_message(slice_of(others[i]), false));
        assert_true(imap_literal_is_message(SLICE(" {5}"), true));
        assert_true(imap_literal_is_message(SLICE(" TEXT {5}"), true));
        assert_false(imap_literal_is_message(SLICE(" url {5+}"), true));
}

static void store_copy_expunge(void **state)
{
        CHECK({"a STORE 1 FLAGS ()", "a STORE 1 set 00"},
              {"a STORE 2:4,7 +flags.silent (\\Seen \\DELETED $Forwarded)",
               "a STORE 2:4,7 add silent 09 <$Forwarded>"},
              {"a UID STORE 1:* -FLAGS \\Answered x", "a UID STORE 1:* remove 02 <x>"},
              {"a STORE 1 FLAGS (\\Recent)", ERROR("STORE", "\\Recent cannot be changed")},
              {"a STORE 1 FLAGS \\*", ERROR("STORE", "Invalid system flag \"\"")},
              {"a STORE 1 FLAGS (a]b)", ERROR("STORE", "Expected a space or ')' before \"]b)\"")},
              {"a STORE 1 FLAGS", ERROR("STORE", "Missing arguments")},
              {"a STORE 1 FLAG x", ERROR("STORE", "Unknown data item \"FLAG\"")},
              {"a STORE 1 (UNCHANGEDSINCE 0) FLAGS x", "a STORE 1 set since 0 00 <x>"},
              {"a STORE 1 (UNCHANGEDSINCE 1 UNCHANGEDSINCE 1) FLAGS x",
               ERROR("STORE", "Modifier given twice \"UNCHANGEDSINCE\"")},
              {"a STORE 1 (X 1) FLAGS x", ERROR("STORE", "Unknown STORE modifier \"X\"")},
              {"a STORE 1 (UNCHANGEDSINCE 9223372036854775808) FLAGS x",
               ERROR("STORE", "Invalid mod-sequence \"9223372036854775808) FLAGS x\"")},
              {"a COPY 4:2,*,*:3 Trash", "a COPY 4:2,*,*:3 <Trash>"},
              {"a UID MOVE 9 inbox", "a UID MOVE 9 <INBOX>"},
              {"a COPY 0 x", ERROR("COPY", "A number must not be 0")},
              {"a COPY 1,,2 x", ERROR("COPY", "Invalid message set at \",2 x\"")},
              {"a COPY 1: x", ERROR("COPY", "Invalid message set at \" x\"")},
              {"a COPY 4294967296 x", ERROR("COPY", "Number too large: \"4294967296\"")},
              {"a COPY 1", ERROR("COPY", "Missing arguments")}, {"a EXPUNGE", "a EXPUNGE"},
              {"a EXPUNGE 1", ERROR("EXPUNGE", "Unexpected argument \"1\"")},
              {"a UID EXPUNGE 3:5", "a UID EXPUNGE 3:5"},
              {"a UID EXPUNGE", ERROR("UID EXPUNGE", "Missing arguments")});
}

static void fetch(void **state)
{
        CHECK({"a FETCH 1:* ALL", "a FETCH 1:* FLAGS DATE SIZE ENVELOPE"},
              {"a FETCH 1 fast", "a FETCH 1 FLAGS DATE SIZE"},
              {"a FETCH 1 FULL", "a FETCH 1 FLAGS DATE SIZE ENVELOPE BODY"},
              {"a UID FETCH 1 (FLAGS UID )", "a UID FETCH 1 FLAGS UID"},
              {"a FETCH 1 (INTERNALDATE RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE)",
               "a FETCH 1 DATE SIZE ENVELOPE BODY STRUCTURE"},
              {"a FETCH 1 (RFC822 RFC822.HEADER rfc822.text)", "a FETCH 1 RFC822 RFC822.HEADER RFC822.TEXT"},
              {"a FETCH 1 BODY[]", "a FETCH 1 SECTION[]"},
              {"a FETCH 1 body.peek[1.2.3]<0.100>", "a FETCH 1 SECTION.PEEK[1.2.3.]<0.100>"},
              {"a FETCH 1 (BODY[HEADER] BODY[2.TEXT] BODY[1.MIME])",
               "a FETCH 1 SECTION[HEADER] SECTION[2.TEXT] SECTION[1.MIME]"},
              {"a FETCH 1 BODY[HEADER.FIELDS (From \"To\" {2}\r\nCc)]",
               "a FETCH 1 SECTION[FIELDS <From> <To> <Cc>]"},
              {"a FETCH 1 BODY[4.HEADER.FIELDS.NOT ( x )]<4294967295.4294967295>",
               "a FETCH 1 SECTION[4.NOT <x>]<4294967295.4294967295>"},
              {"a FETCH 1 BODY[]<0.0>", ERROR("FETCH", "Invalid <offset.count>")},
              {"a FETCH 1 BODY[]<0>", ERROR("FETCH", "Invalid <offset.count>")},
              {"a FETCH 1 BODY[MIME]", ERROR("FETCH", "Invalid section \"MIME\"")},
              {"a FETCH 1 BODY[0]", ERROR("FETCH", "A number must not be 0")},
              {"a FETCH 1 BODY[1.]", ERROR("FETCH", "Invalid section \"]\"")},
              {"a FETCH 1 BODY[1", ERROR("FETCH", "Missing ']' behind a section")},
              {"a FETCH 1 BODY[HEADER.FIELDS]", ERROR("FETCH", "Expected a space before \"]\"")},
              {"a FETCH 1 BODY[HEADER.FIELDS ()]", ERROR("FETCH", "Invalid characters at \")]\"")},
              {"a FETCH 1 BODY[HEADER.FIELDS (\"a b\")]",
               ERROR("FETCH", "Invalid header field name \"a b\"")},
              {"a FETCH 1 BODY[HEADER.FIELDS ({4}\r\na\r\nb)]",
               ERROR("FETCH", "Invalid header field name \"a??b\"")},
              {"a FETCH 1 BODY.PEEK", ERROR("FETCH", "Unknown item \"BODY.PEEK\"")},
              {"a FETCH 1 FOO", ERROR("FETCH", "Unknown item \"FOO\"")},
              {"a FETCH 1 (ALL)", ERROR("FETCH", "Unknown item \"ALL\"")},
              {"a FETCH 1 ()", ERROR("FETCH", "Unknown item \")\"")},
              {"a UID FETCH 1:* FLAGS (PARTIAL -1:-3)", "a UID FETCH 1:* FLAGS -1:-3"},
              {"a UID FETCH 1:* (FLAGS) (partial 7:5)", "a UID FETCH 1:* FLAGS 7:5"},
              {"a FETCH 1:* FLAGS (PARTIAL 1:3)", ERROR("FETCH", "PARTIAL is for UID FETCH")},
              {"a UID FETCH 1:* FLAGS (PARTIAL 1:3 PARTIAL 1:3)",
               ERROR("UID FETCH", "Modifier given twice \"PARTIAL\"")},
              {"a UID FETCH 1:* FLAGS (FOO)", ERROR("UID FETCH", "Unknown FETCH modifier \"FOO\"")},
              {"a UID FETCH 1:* FLAGS ()", ERROR("UID FETCH", "Unknown FETCH modifier \")\"")},
              {"a FETCH 1 FLAGS UID", ERROR("FETCH", "Unexpected argument \"UID\"")},
              {"a FETCH 1 (FLAGS", ERROR("FETCH", "Missing ')'")},
              {"a FETCH", ERROR("FETCH", "Missing arguments")},
              {"a UID FETCH 1", ERROR("UID FETCH", "Missing arguments")});
}

static void search(void **state)
{
        CHECK({"a SEARCH ALL", "a SEARCH AND ( ALL )"},
              {"a UID SEARCH unseen 1:3 UID 4", "a UID SEARCH AND ( NOT_FLAG 01 SET 1:3 UID 4 )"},
              {"a SEARCH CHARSET UTF-8 SUBJECT {2}\r\n\xc3\xa9",
               "a SEARCH <UTF-8> AND ( HEADER <SUBJECT> <\xc3\xa9> )"},
              {"a SEARCH OLD NEW RECENT", "a SEARCH AND ( NOT_FLAG 80 NEW FLAG 80 )"},
              {"a SEARCH OR FROM a NOT (TO b DELETED)",
               "a SEARCH AND ( OR ( HEADER <FROM> <a> NOT ( AND ( HEADER <TO> <b> FLAG 08 ) ) ) )"},
              {"a SEARCH HEADER Message-ID <a@b*> TEXT \"\"",
               "a SEARCH AND ( HEADER <Message-ID> <<a@b*>> TEXT <> )"},
              {"a SEARCH SINCE 1-Feb-1994 BEFORE \" 9-Dec-2020\" SENTON \"31-Jan-2000\"",
               "a SEARCH AND ( SINCE 1994-02-01 BEFORE 2020-12-09 SENTON 2000-01-31 )"},
              {"a SEARCH LARGER 0 SMALLER 4294967295", "a SEARCH AND ( LARGER 0 SMALLER 4294967295 )"},
              {"a SEARCH KEYWORD $Junk UNKEYWORD x BODY y",
               "a SEARCH AND ( KEYWORD <$Junk> UNKEYWORD <x> BODY <y> )"},
              {"a SEARCH ( ALL ) ", "a SEARCH AND ( AND ( ALL ) )"},
              {"a SEARCH", ERROR("SEARCH", "Missing arguments")},
              {"a SEARCH CHARSET UTF-8", ERROR("SEARCH", "Missing arguments")},
              {"a SEARCH FOO", ERROR("SEARCH", "Unknown search key \"FOO\"")},
              {"a SEARCH OR ALL", ERROR("SEARCH", "Missing arguments")},
              {"a SEARCH NOT", ERROR("SEARCH", "Missing arguments")},
              {"a SEARCH (ALL", ERROR("SEARCH", "Missing ')'")},
              {"a SEARCH ()", ERROR("SEARCH", "Unknown search key \")\"")},
              {"a SEARCH ALL)", ERROR("SEARCH", "Expected a space before \")\"")},
              {"a SEARCH SINCE 30-Feb-1994", ERROR("SEARCH", "Invalid day in date")},
              {"a SEARCH SINCE 1-Feb-94", ERROR("SEARCH", "Invalid date")},
              {"a SEARCH LARGER -1", ERROR("SEARCH", "Expected a number instead of \"-1\"")},
              {"a SEARCH OR $ 1,3 UID $", "a SEARCH AND ( OR ( SET $ SET 1,3 ) UID $ )"},
              {"a SEARCH $,1", ERROR("SEARCH", "Expected a space before \",1\"")},
              {"a SEARCH OLDER 1 YOUNGER 4294967295", "a SEARCH AND ( OLDER 1 YOUNGER 4294967295 )"},
              {"a SEARCH OLDER 0", ERROR("SEARCH", "A number must not be 0")},
              {"a SEARCH FUZZY (SUBJECT x) SEEN",
               "a SEARCH AND ( AND ( AND ( HEADER <SUBJECT> <x> ) ) FLAG 01 )"},
              {"a SEARCH FUZZY", ERROR("SEARCH", "Missing arguments")},
              {"a SEARCH RETURN (RELEVANCY) ALL", ERROR("SEARCH", "RELEVANCY is for FUZZY keys")},
              {"a SEARCH RETURN (RELEVANCY) FUZZY ALL", "a SEARCH RETURN 20 AND ( AND ( ALL ) )"},
              {"a SEARCH RETURN", ERROR("SEARCH", "Missing arguments")});
}

static void esearch(void **state)
{
        CHECK({"a ESEARCH ALL", "a ESEARCH RETURN 04 AND ( ALL )"},
              {"a ESEARCH IN (selected) UNSEEN", "a ESEARCH IN 01 RETURN 04 AND ( NOT_FLAG 01 )"},
              {"a ESEARCH IN (mailboxes \"folder1\" subtree folder2) RETURN (MIN) ALL",
               "a ESEARCH IN 80 <folder1> IN 20 <folder2> RETURN 01 AND ( ALL )"},
              {"a ESEARCH IN (PERSONAL Inboxes subscribed subtree-one (a inbox)) CHARSET UTF-8 SUBJECT x",
               "a ESEARCH IN 08 IN 04 IN 10 IN 40 <a> <INBOX> RETURN 04 <UTF-8> AND ( HEADER <SUBJECT> <x> "
               ")"},
              {"a ESEARCH IN (selected-delayed) ALL",
               ERROR("ESEARCH", "Unknown mailbox specifier \"selected-delayed\"")},
              {"a ESEARCH IN (mailboxes) ALL", ERROR("ESEARCH", "Expected a space before \") ALL\"")},
              {"a ESEARCH IN (mailboxes ()) ALL", ERROR("ESEARCH", "Invalid characters at \")) ALL\"")},
              {"a ESEARCH IN (personal (x y)) ALL",
               ERROR("ESEARCH", "Unknown mailbox specifier \"(x y)) ALL\"")},
              {"a ESEARCH IN () ALL", ERROR("ESEARCH", "Unknown mailbox specifier \") ALL\"")},
              {"a ESEARCH IN (personal)", ERROR("ESEARCH", "Missing arguments")},
              {"a CANCELUPDATE \"B01\" \"B02\"", "a CANCELUPDATE <B01> <B02>"},
              {"a CANCELUPDATE", ERROR("CANCELUPDATE", "Missing arguments")},
              {"a UID ESEARCH ALL", ERROR("UID ESEARCH", "Unknown command")});
}

static void search_return(void **state)
{
        CHECK({"a SEARCH RETURN (MIN count) ALL", "a SEARCH RETURN 09 AND ( ALL )"},
              {"a UID SEARCH RETURN () CHARSET UTF-8 ALL", "a UID SEARCH RETURN 04 <UTF-8> AND ( ALL )"},
              {"a SEARCH RETURN ( ) ALL", "a SEARCH RETURN 04 AND ( ALL )"},
              {"a SEARCH RETURN (SAVE) ALL", "a SEARCH RETURN 40 AND ( ALL )"},
              {"a SEARCH RETURN (PARTIAL 500:1 MAX) ALL", "a SEARCH RETURN 12 500:1 AND ( ALL )"},
              {"a SEARCH RETURN (UPDATE CONTEXT PARTIAL -1:-100) ALL",
               "a SEARCH RETURN 190 -1:-100 AND ( ALL )"},
              {"a SEARCH RETURN (PARTIAL 1:-2) ALL", ERROR("SEARCH", "Invalid range of PARTIAL")},
              {"a SEARCH RETURN (PARTIAL -1:2) ALL", ERROR("SEARCH", "Invalid range of PARTIAL")},
              {"a SEARCH RETURN (PARTIAL 0:2) ALL", ERROR("SEARCH", "Invalid range of PARTIAL")},
              {"a SEARCH RETURN (PARTIAL 1:*) ALL", ERROR("SEARCH", "Invalid range of PARTIAL")},
              {"a SEARCH RETURN (PARTIAL 1) ALL", ERROR("SEARCH", "Invalid range of PARTIAL")},
              {"a SEARCH RETURN (PARTIAL 1:2 PARTIAL 3:4) ALL", ERROR("SEARCH", "PARTIAL twice")},
              {"a SEARCH RETURN (PARTIAL 1:2 ALL) ALL",
               ERROR("SEARCH", "PARTIAL and ALL exclude each other")},
              {"a SEARCH RETURN (FOO) ALL", ERROR("SEARCH", "Unknown RETURN option \"FOO\"")},
              {"a SEARCH RETURN ALL", ERROR("SEARCH", "Expected a list in parentheses")},
              {"a SEARCH RETURN (MIN ALL", ERROR("SEARCH", "Missing ')'")},
              {"a SEARCH RETURN (MIN)", ERROR("SEARCH", "Missing arguments")},
              {"a SEARCH RETURN (MIN)ALL", ERROR("SEARCH", "Expected a space before \"ALL\"")});
}

/* `head`, then n times `part`, then `tail`. */
static struct imap_parse_error parse_many(const char *head, const char *part, size_t n, const char *tail,
                                          int *ret_r)
{
        static char text[256];
        _cleanup_(arena_free) struct arena arena = {0};
        _cleanup_(buf_free) struct buf line = {0};
        buf_str(&line, head);
        for (size_t i = 0; i < n; i++)
                buf_str(&line, part);
        buf_str(&line, tail);
        struct imap_command c;
        struct imap_parse_error error = {0};
        *ret_r = imap_command_parse(&arena, buf_slice(&line), 0, &c, &error);
        snprintf(text, sizeof(text), "%s", *ret_r ? error.text : "");
        error.text = text;
        return error;
}

static void check_limit(const char *head, const char *part, size_t max, const char *tail, const char *text)
{
        int r;
        parse_many(head, part, max, tail, &r);
        assert_int_equal(r, 0);
        struct imap_parse_error error = parse_many(head, part, max + 1, tail, &r);
        assert_int_equal(r, -EINVAL);
        if (!strstr(error.text, text))
                fail_msg("\"%s\" has no \"%s\"", error.text, text);
}

static void every_count_has_its_limit(void **state)
{
        check_limit("a FETCH 1", ",2", PARSE_SET_RANGES_MAX - 1, " UID", "too many ranges");
        check_limit("a STORE 1 FLAGS (k", " k", PARSE_KEYWORDS_MAX - 1, ")", "Too many keywords");
        check_limit("a FETCH 1 (UID", " UID", PARSE_FETCH_ITEMS_MAX - 1, ")", "Too many items");
        check_limit("a FETCH 1 BODY[HEADER.FIELDS (x", " x", PARSE_HEADER_FIELDS_MAX - 1, ")]",
                    "Too many header");
        check_limit("a FETCH 1 BODY[1", ".1", PARSE_PART_DEPTH_MAX - 1, "]", "too deep");
        check_limit("a SEARCH ALL", " ALL", PARSE_SEARCH_KEYS_MAX - 1, "", "Too many search keys");
        check_limit("a SEARCH ", "NOT ", PARSE_SEARCH_DEPTH_MAX - 1, "ALL", "too deep");
        check_limit("a SEARCH ", "OR ALL ", PARSE_SEARCH_DEPTH_MAX - 1, "ALL", "too deep");
        check_limit("a ID (x y", " x y", PARSE_ID_PAIRS_MAX - 1, ")", "Too many fields");
        check_limit("a ENABLE x", " x", PARSE_ENABLE_NAMES_MAX - 1, "", "Too many names");
}

static void a_million_parentheses_cost_nothing(void **state)
{
        int r;
        struct imap_parse_error error = parse_many("a SEARCH ", "(", 1000 * 1000, "", &r);
        assert_int_equal(r, -EINVAL);
        assert_non_null(strstr(error.text, "too deep"));
        static const char *const heads[] = {"a FETCH 1 ", "a STATUS x ", "a ID ", "a LIST ",
                                            "a STORE 1 FLAGS "};
        for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
                parse_many(heads[i], "(", 1000 * 1000, "", &r);
                assert_int_equal(r, -EINVAL);
        }
}

static void condstore_and_qresync(void **state)
{
        CHECK({"a SELECT x (QRESYNC (1 2))", ERROR("SELECT", "QRESYNC has not been enabled")},
              {"a EXAMINE x (CONDSTORE CONDSTORE)", ERROR("EXAMINE", "Parameter given twice \"CONDSTORE\"")},
              {"a FETCH 1 (UID MODSEQ) (CHANGEDSINCE 12345)", "a FETCH 1 UID MODSEQ since 12345"},
              {"a FETCH 1 FLAGS (CHANGEDSINCE)", ERROR("FETCH", "Expected a space before \")\"")},
              {"a UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)",
               ERROR("UID FETCH", "QRESYNC has not been enabled")},
              {"a SEARCH MODSEQ 9223372036854775807", "a SEARCH AND ( MODSEQ 9223372036854775807 )"},
              {"a SEARCH MODSEQ \"/flags/\\\\draft\" all 620162338", "a SEARCH AND ( MODSEQ 620162338 )"},
              {"a SEARCH MODSEQ \"/flags/x\" all", ERROR("SEARCH", "Missing arguments")});
        CHECK_WITH(
                FEATURE_CONDSTORE | FEATURE_QRESYNC,
                {"a SELECT x (QRESYNC (67890007 20050715194045000 41,43:211,214:541))",
                 "a SELECT <x> qresync 67890007 20050715194045000 41,43:211,214:541"},
                {"a SELECT x (QRESYNC (1 2))", "a SELECT <x> qresync 1 2"},
                {"a SELECT x (CONDSTORE QRESYNC (1 2 1:9 (1,3 2,9)))",
                 "a SELECT <x> condstore qresync 1 2 1:9 match 1,3 2,9"},
                {"a SELECT x (QRESYNC (1 2 (1 2)))", "a SELECT <x> qresync 1 2 match 1 2"},
                {"a SELECT x (QRESYNC (1 2 (1 2)) CONDSTORE)",
                 "a SELECT <x> condstore qresync 1 2 match 1 2"},
                {"a SELECT x (QRESYNC (1 2 1:*))",
                 ERROR("SELECT", "\"*\" and \"$\" are not allowed in QRESYNC")},
                {"a SELECT x (QRESYNC (1 2 (3,1 2)))", ERROR("SELECT", "The sets of QRESYNC must ascend")},
                {"a SELECT x (QRESYNC (1 2 (1 2) 3))", ERROR("SELECT", "Expected \")\" instead of \"3))\"")},
                {"a SELECT x (QRESYNC (1))", ERROR("SELECT", "Expected a space before \"))\"")},
                {"a UID FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)", "a UID FETCH 1:* FLAGS since 1 vanished"},
                {"a UID FETCH 1 FLAGS (VANISHED)", ERROR("UID FETCH", "VANISHED needs CHANGEDSINCE")},
                {"a FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)", ERROR("FETCH", "VANISHED is for UID FETCH")});
}

#define REQUIRED(command)                                                                                    \
        "BAD [UIDREQUIRED] Error in IMAP command " command ": Message numbers are not allowed with UIDONLY."

static void uidonly(void **state)
{
        CHECK_WITH(FEATURE_UIDONLY | FEATURE_QRESYNC, {"a FETCH 1 FLAGS", REQUIRED("FETCH")},
                   {"a SEARCH ALL", REQUIRED("SEARCH")}, {"a STORE 1 FLAGS ()", REQUIRED("STORE")},
                   {"a COPY 1 x", REQUIRED("COPY")}, {"a MOVE 1 x", REQUIRED("MOVE")},
                   {"a UID SEARCH 1", REQUIRED("UID SEARCH")},
                   {"a UID SEARCH UID 1", "a UID SEARCH AND ( UID 1 )"}, {"a EXPUNGE", "a EXPUNGE"},
                   {"a SELECT x (QRESYNC (1 2 1:3 (1 1)))", REQUIRED("SELECT")});
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_table_is_in_order),
                cmocka_unit_test(tags_and_names),
                cmocka_unit_test(errors_name_tag_and_command),
                cmocka_unit_test(login_and_authenticate),
                cmocka_unit_test(id_and_enable),
                cmocka_unit_test(mailbox_names),
                cmocka_unit_test(list_and_status),
                cmocka_unit_test(append),
                cmocka_unit_test(the_message_of_an_append_is_known),
                cmocka_unit_test(store_copy_expunge),
                cmocka_unit_test(condstore_and_qresync),
                cmocka_unit_test(uidonly),
                cmocka_unit_test(fetch),
                cmocka_unit_test(search),
                cmocka_unit_test(search_return),
                cmocka_unit_test(esearch),
                cmocka_unit_test(every_count_has_its_limit),
                cmocka_unit_test(a_million_parentheses_cost_nothing),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
