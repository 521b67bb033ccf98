/* Commands that change mailboxes, run through reader, parser and executor against a store in memory: the
 * answers to what rarely happens. */

#include "../unit.h"

#include <fcntl.h>

#include "fake_client.h"
#include "imap/reply.h"

static void test_append(void **state)
{
        struct client c;

        client_open(&c);
        says(&c, "a APPEND t (\\Seen \\Recent) \"17-Jul-1996 02:44:25 -0700\" {5+}\r\nHello",
             "a OK [APPENDUID 77 11] Append completed.\r\n");
        assert_int_equal(fake.saved_flags, FLAG_SEEN);
        assert_int_equal(fake.saved_date, 837596665);
        assert_int_equal(fake.written, 5);
        /* a client that waits, and the selected mailbox */
        says(&c, "b APPEND INBOX {5}\r\nHello",
             "+ OK\r\n* 6 EXISTS\r\n* 0 RECENT\r\nb OK [APPENDUID 77 16] Append completed.\r\n");
        assert_int_equal(fake.saved_date, -1);
        client_close(&c);
}

/* All with one commit; the client is asked for each literal (RFC 3502). */
static void test_append_several(void **state)
{
        struct client c;

        client_open(&c);
        says(&c, "a APPEND t {5}\r\nHello (\\Seen) {2}\r\nYo ~{3+}\r\nend",
             "+ OK\r\n+ OK\r\na OK [APPENDUID 77 11:13] Append completed.\r\n");
        assert_int_equal(fake.written, 10);
        assert_int_equal(fake.boxes[1].n, 3);
        client_close(&c);
}

static void test_catenate(void **state)
{
        struct client c;

        client_open(&c);
        fake.boxes[0].texts[0] = "Subject: one\n\nText\n";
        says(&c,
             "a APPEND t CATENATE (URL \"/INBOX;UIDVALIDITY=77/;UID=11/;SECTION=HEADER\" TEXT {5}\r\nHello)",
             "+ OK\r\na OK [APPENDUID 77 11] Append completed.\r\n");
        assert_int_equal(fake.written, 19);
        says(&c, "b APPEND t CATENATE (URL /INBOX/;UID=11/;PARTIAL=13.3)",
             "b OK [APPENDUID 77 12] Append completed.\r\n");
        assert_int_equal(fake.written, 19 + 2);
        says(&c, "c APPEND t CATENATE (URL /INBOX;UIDVALIDITY=78/;UID=11)",
             "c NO [BADURL \"/INBOX;UIDVALIDITY=78/;UID=11\"] The mailbox has another UIDVALIDITY.\r\n");
        says(&c, "d APPEND t CATENATE (URL /INBOX/;UID=9)",
             "d NO [BADURL \"/INBOX/;UID=9\"] There is no such message.\r\n");
        says(&c, "e APPEND t CATENATE (URL /INBOX/;UID=11/;SECTION=3)",
             "e NO [BADURL \"/INBOX/;UID=11/;SECTION=3\"] There is no such part.\r\n");
        client_close(&c);
}

static void test_replace(void **state)
{
        struct client c;

        client_open(&c);
        says(&c, "a REPLACE 4 INBOX (\\Seen) {5}\r\nHello",
             "+ OK\r\n* OK [APPENDUID 77 16] Replacement message ready.\r\n* 4 EXPUNGE\r\n* 5 EXISTS\r\n* 0 "
             "RECENT\r\na OK Replace completed.\r\n");
        assert_int_equal(c.s.counts.expunged, 1);
        says(&c, "b UID REPLACE 11 t {5+}\r\nHello",
             "* OK [APPENDUID 77 11] Replacement message ready.\r\n* 1 EXPUNGE\r\nb OK Replace "
             "completed.\r\n");
        says(&c, "c REPLACE 9 t {5}", "c BAD Error in IMAP command REPLACE: Invalid messageset.\r\n");
        says(&c, "d UID REPLACE 99 t {5}", "d NO There is no such message.\r\n");
        says(&c, "e REPLACE 1 no {5}", "e NO [TRYCREATE] Mailbox doesn't exist: no.\r\n");
        fake.commit_error = -EDQUOT;
        says(&c, "f REPLACE 1 t {5+}\r\nHello", "f NO [OVERQUOTA] Disk quota exceeded.\r\n");
        fake.commit_error = 0;
        says(&c, "g REPLACE 1 t {5+}\r\nHello {5}",
             "g BAD Error in IMAP command REPLACE: One message replaces another, no more.\r\n");
        assert_int_equal(fake.boxes[0].n, 4);
        fake.boxes[0].messages[0].gone = true;
        says(&c, "h REPLACE 1 t {5}", "h NO [EXPUNGEISSUED] The message no longer exists.\r\n");
        client_close(&c);
}

/* Whatever is wrong with an APPEND, its message is not run: the next command is what comes after it. */
static void test_append_stays_in_step(void **state)
{
        static const struct {
                const char *sent, *answer;
                int write_error, commit_error;
        } rows[] = {
                {"a APPEND no {9+}\r\nx EXPUNGE\r\n", "a NO [TRYCREATE] Mailbox doesn't exist: no.\r\n"},
                {"a APPEND no&AOk- {9+}\r\nx EXPUNGE\r\n",
                 "a NO [TRYCREATE] Mailbox doesn't exist: no&AOk-.\r\n"},
                {"a APPEND a..b {9+}\r\nx EXPUNGE\r\n",
                 "a NO [CANNOT] Invalid mailbox name: Has adjacent hierarchy separators.\r\n"},
                {"a APPEND t {0+}\r\n\r\n", "a NO Can't save a zero byte message.\r\n"},
                {"a APPEND t {9+}\r\nx EXPUNGE junk\r\n", "a BAD Error in IMAP command APPEND: Expected the "
                                                          "message as a literal instead of \"junk\".\r\n"},
                {"a APPEND t {9+}\r\nx EXPUNGE{11+}\r\nx EXPUNGE\r\n\r\n",
                 "a BAD Error in IMAP command APPEND: Expected a space before \"{11+}\".\r\n"},
                /* the second of several messages */
                {"a APPEND t {9+}\r\nx EXPUNGE {0+}\r\n {11+}\r\nx EXPUNGE\r\n\r\n",
                 "a NO Can't save a zero byte message.\r\n"},
                {"a APPEND t {9+}\r\nx EXPUNGE (bad {11+}\r\nx EXPUNGE\r\n {11+}\r\nx EXPUNGE\r\n\r\n",
                 "a BAD Error in IMAP command APPEND: Invalid characters at \"{11+}\".\r\n"},
                {"a APPEND t {9+}\r\nx EXPUNGE {3000000000}\r\n",
                 "a NO [TOOBIG] Message is larger than 2147483648 bytes.\r\n"},
                /* parts of one */
                {"a APPEND t CATENATE (TEXT {9+}\r\nx EXPUNGE URL /no/;UID=1 TEXT {11+}\r\nx "
                 "EXPUNGE\r\n)\r\n",
                 "a NO [BADURL \"/no/;UID=1\"] There is no such mailbox.\r\n"},
                {"a APPEND t CATENATE (TEXT {9+}\r\nx EXPUNGE URL \"a ]\" TEXT {11}\r\n",
                 "a NO [BADURL \"a%20%5D\"] This is no URL of a message on this server.\r\n"},
                {"a APPEND t CATENATE (TEXT {9+}\r\nx EXPUNGE\r\n",
                 "a BAD Error in IMAP command APPEND: Missing ')'.\r\n"},
                {"a APPEND no {9+}\r\nx EXPUNGE {11+}\r\nx EXPUNGE\r\n\r\n",
                 "a NO [TRYCREATE] Mailbox doesn't exist: no.\r\n"},
                {"a APPEND t {9+}\r\nx EXPUNGE\r\n", "a NO [OVERQUOTA] Not enough disk space.\r\n", -ENOSPC},
                {"a APPEND t {9+}\r\nx EXPUNGE\r\n", "a NO [OVERQUOTA] Disk quota exceeded.\r\n", 0, -EDQUOT},
                /* a client that waits for "+" sends nothing */
                {"a APPEND no {9}\r\n", "a NO [TRYCREATE] Mailbox doesn't exist: no.\r\n"},
                {"a APPEND t {0}\r\n", "a NO Can't save a zero byte message.\r\n"},
                {"a APPEND t {3000000000}\r\n", "a NO [TOOBIG] Message is larger than 2147483648 bytes.\r\n"},
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct client c;

                client_open(&c);
                fake.write_error = rows[i].write_error;
                fake.commit_error = rows[i].commit_error;
                client_send(&c, slice_of(rows[i].sent));
                client_run(&c);
                assert_slice_equal(client_answer(&c), slice_of(rows[i].answer));
                assert_int_equal(fake.boxes[1].n, 0);
                fake.write_error = fake.commit_error = 0;
                assert_false(c.s.over);
                says(&c, "b STATUS t (MESSAGES)", "* STATUS t (MESSAGES 0)\r\nb OK Status completed.\r\n");
                client_close(&c);
        }
}

static void test_append_streams(void **state)
{
        static char message[10000];
        struct client c;

        memset(message, 'x', sizeof(message));
        client_open(&c);
        client_send(&c, SLICE("a APPEND t {100000+}\r\n"));
        for (int i = 0; i < 10; i++)
                client_send(&c, slice_make(message, sizeof(message)));
        client_send(&c, SLICE("\r\n"));
        client_run(&c);
        assert_slice_equal(client_answer(&c), SLICE("a OK [APPENDUID 77 11] Append completed.\r\n"));
        assert_int_equal(fake.written, 100000);
        assert_true(fake.largest <= CONN_INPUT_MAX);
        client_close(&c);
}

/* A connection that ends within the message saves nothing. */
static void test_append_cut(void **state)
{
        static const char *const sent[] = {"a APPEND t {9+}\r\n", "a APPEND t {9+}\r\nx EXPU",
                                           "a APPEND t {9+}\r\nx EXPUNGE",
                                           "a APPEND t {9+}\r\nx EXPUNGE {9+}\r\nx EXPU"};

        for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
                struct client c;

                client_open(&c);
                client_send(&c, slice_of(sent[i]));
                shutdown(c.fds[1], SHUT_WR);
                client_run(&c);
                assert_slice_equal(client_answer(&c), SLICE(""));
                assert_true(c.s.over);
                assert_non_null(c.s.end_reason);
                assert_int_equal(fake.boxes[1].n, 0);
                client_close(&c);
        }
}

static void test_copy(void **state)
{
        struct client c;

        client_open(&c);
        says(&c, "a COPY 1:2,5 t", "a OK [COPYUID 77 11:12,15 11:13] Copy completed.\r\n");
        says(&c, "b UID COPY 14 INBOX",
             "* 6 EXISTS\r\n* 0 RECENT\r\nb OK [COPYUID 77 14 16] Copy completed.\r\n");
        says(&c, "c COPY 1 no", "c NO [TRYCREATE] Mailbox doesn't exist: no.\r\n");
        says(&c, "d UID COPY 999 no", "d OK No messages found.\r\n");
        says(&c, "e COPY 7 t", "e BAD Error in IMAP command COPY: Invalid messageset.\r\n");
        fake.write_error = -ENOSPC;
        says(&c, "f COPY 1 t", "f NO [OVERQUOTA] Not enough disk space.\r\n");
        fake.write_error = 0;
        fake.vanishes = 2;
        says(&c, "g COPY 1:2 t", "g NO [EXPUNGEISSUED] Some of the requested messages no longer exist.\r\n");
        fake.vanishes = 0;
        fake.boxes[0].messages[2].gone = true;
        says(&c, "h UID COPY 1:* t",
             "* 3 EXPUNGE\r\nh NO [EXPUNGEISSUED] Some of the requested messages no longer exist.\r\n");
        assert_int_equal(fake.boxes[1].n, 3);
        client_close(&c);
}

static void test_move(void **state)
{
        struct client c;

        client_open(&c);
        says(&c, "a MOVE 2:3 t",
             "* OK [COPYUID 77 12:13 11:12] Moved UIDs.\r\n* 3 EXPUNGE\r\n* 2 EXPUNGE\r\na OK Move "
             "completed.\r\n");
        assert_int_equal(c.s.counts.expunged, 2);
        says(&c, "b UID MOVE 14 INBOX",
             "* OK [COPYUID 77 14 16] Moved UIDs.\r\n* 2 EXPUNGE\r\n* 3 EXISTS\r\n* 0 RECENT\r\nb OK Move "
             "completed.\r\n");
        says(&c, "c MOVE 1 no", "c NO [TRYCREATE] Mailbox doesn't exist: no.\r\n");
        /* nothing is removed when nothing was copied */
        fake.commit_error = -ENOSPC;
        says(&c, "d MOVE 1 t", "d NO [OVERQUOTA] Not enough disk space.\r\n");
        fake.commit_error = 0;
        fake.boxes[0].read_only = true;
        says(&c, "e MOVE 1 t", "e NO [READ-ONLY] Mailbox is read-only.\r\n");
        assert_int_equal(fake.boxes[0].n, 3);
        fake.boxes[0].read_only = false;
        fake.expunge_error = -EACCES;
        says(&c, "f MOVE 1 t", "* OK [COPYUID 77 11 13] Moved UIDs.\r\nf NO [NOPERM] Permission denied.\r\n");
        client_close(&c);
}

static void test_store(void **state)
{
        struct client c;

        client_open(&c);
        says(&c, "a STORE 1:2 +FLAGS (\\Seen foo)",
             "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft foo)\r\n"
             "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft foo \\*)] Flags "
             "permitted.\r\n"
             "* 1 FETCH (FLAGS (\\Seen foo))\r\n* 2 FETCH (FLAGS (\\Seen foo))\r\na OK Store completed.\r\n");
        says(&c, "b UID STORE 12 -FLAGS \\Seen nobody",
             "* 2 FETCH (UID 12 FLAGS (foo))\r\nb OK Store completed.\r\n");
        says(&c, "c STORE 2 FLAGS.SILENT (\\Deleted FOO)", "c OK Store completed.\r\n");
        assert_int_equal(fake.boxes[0].messages[1].flags.system, FLAG_DELETED);
        assert_int_equal(fake.boxes[0].messages[1].flags.keywords, 1);
        assert_int_equal(fake.boxes[0].keywords_n, 1);
        assert_int_equal(c.s.counts.deleted, 1);
        says(&c, "d UID STORE 900 +FLAGS (\\Seen)", "d OK Store completed.\r\n");
        says(&c, "e STORE 6 +FLAGS (\\Seen)", "e BAD Error in IMAP command STORE: Invalid messageset.\r\n");
        /* somebody has expunged one: the others are changed, the numbers stay */
        fake.boxes[0].messages[2].gone = true;
        says(&c, "f STORE 3:4 +FLAGS (\\Seen)", "* 4 FETCH (FLAGS (\\Seen))\r\nf OK Store completed.\r\n");
        says(&c, "g UID STORE 13:14 -FLAGS (\\Seen)",
             "* 4 FETCH (UID 14 FLAGS ())\r\n* 3 EXPUNGE\r\ng OK Store completed.\r\n");
        fake.keywords_max = 1;
        says(&c, "h STORE 1 +FLAGS (bar)", "h NO [LIMIT] Too many keywords in this mailbox.\r\n");
        c.settings.mail_max_keyword_length = 2;
        says(&c, "i STORE 1 +FLAGS (bar)", "i NO [LIMIT] Keyword too long (at most 2 bytes).\r\n");
        fake.boxes[0].read_only = true;
        says(&c, "j STORE 1 +FLAGS (\\Seen)", "j NO [READ-ONLY] Mailbox is read-only.\r\n");
        client_close(&c);
}

static void test_expunge(void **state)
{
        struct client c;

        client_open(&c);
        for (int i = 0; i < 3; i++)
                fake.boxes[0].messages[i].flags.system = FLAG_DELETED;
        says(&c, "a UID EXPUNGE 13:900", "* 3 EXPUNGE\r\na OK Expunge completed.\r\n");
        fake.boxes[0].read_only = true;
        says(&c, "b EXPUNGE", "b NO [READ-ONLY] Mailbox is read-only.\r\n");
        fake.boxes[0].read_only = false;
        fake.expunge_error = -EACCES;
        says(&c, "c EXPUNGE", "c NO [NOPERM] Permission denied.\r\n");
        fake.expunge_error = 0;
        says(&c, "d EXPUNGE", "* 2 EXPUNGE\r\n* 1 EXPUNGE\r\nd OK Expunge completed.\r\n");
        says(&c, "e EXPUNGE", "e OK Expunge completed.\r\n");
        assert_int_equal(c.s.counts.expunged, 3);
        client_close(&c);
}

static void test_search(void **state)
{
        struct client c;

        client_open(&c);
        says(&c, "a SEARCH SUBJECT X", "* SEARCH 1 2 3 4 5\r\na OK Search completed.\r\n");
        says(&c, "b UID SEARCH 2:* NOT UID 14", "* SEARCH 12 13 15\r\nb OK Search completed.\r\n");
        says(&c, "c SEARCH BODY nothing", "* SEARCH\r\nc OK Search completed.\r\n");
        says(&c, "d SEARCH CHARSET X-NONE ALL", "d NO [BADCHARSET (US-ASCII UTF-8)] Unknown charset.\r\n");
        says(&c, "e SEARCH 999", "* SEARCH\r\ne OK Search completed.\r\n");
        /* gone, known or not, and then one that cannot be read */
        fake.boxes[0].messages[0].gone = true;
        fake.vanishes = 3;
        says(&c, "f SEARCH BODY body", "* SEARCH 2 4 5\r\nf OK Search completed.\r\n");
        fake.read_error = -EIO;
        says(&c, "g SEARCH BODY body",
             "* SEARCH 4 5\r\ng NO [CONTACTADMIN] Some messages could not be read. Session session in the "
             "server log has more.\r\n");
        client_close(&c);
}

static void test_list(void **state)
{
        struct client c;

        client_open(&c);
        fake.folders[0] = (struct folder){"INBOX", '.', FOLDER_SUBSCRIBED, NULL};
        fake.folders[1] = (struct folder){"Sent", '.', 0, "\\Sent"};
        fake.folders[2] = (struct folder){
                "a", '.', FOLDER_NONEXISTENT | FOLDER_CHILDREN | FOLDER_CHILD_SUBSCRIBED, NULL};
        fake.folders[3] = (struct folder){"a.caf\xc3\xa9", '.', FOLDER_SUBSCRIBED, NULL};
        fake.folders[4] = (struct folder){"gone", '.', FOLDER_NONEXISTENT | FOLDER_SUBSCRIBED, NULL};
        fake.folders_n = 5;
        says(&c, "a LIST \"\" *",
             "* LIST (\\HasNoChildren) \".\" INBOX\r\n* LIST (\\HasNoChildren \\Sent) \".\" Sent\r\n"
             "* LIST (\\Noselect \\HasChildren) \".\" a\r\n* LIST (\\HasNoChildren) \".\" a.caf&AOk-\r\n"
             "a OK List completed.\r\n");
        says(&c, "b LIST (SPECIAL-USE) \"\" *",
             "* LIST (\\HasNoChildren \\Sent) \".\" Sent\r\nb OK List completed.\r\n");
        says(&c, "c LIST \"\" a RETURN (CHILDREN)",
             "* LIST (\\NonExistent \\HasChildren) \".\" a\r\nc OK List completed.\r\n");
        says(&c, "d LSUB \"\" *",
             "* LSUB () \".\" INBOX\r\n* LSUB () \".\" a.caf&AOk-\r\n* LSUB () \".\" gone\r\nd OK Lsub "
             "completed.\r\n");
        says(&c, "e LSUB \"\" %",
             "* LSUB () \".\" INBOX\r\n* LSUB (\\Noselect) \".\" a\r\n* LSUB () \".\" gone\r\ne OK Lsub "
             "completed.\r\n");
        says(&c, "f LIST \"\" \"\"", "* LIST (\\Noselect) \".\" \"\"\r\nf OK List completed.\r\n");
        says(&c, "g LIST foo.bar \"\"", "* LIST (\\Noselect) \".\" foo.\r\ng OK List completed.\r\n");
        says(&c, "h LIST caf&AOk-.bar \"\"",
             "* LIST (\\Noselect) \".\" caf&AOk-.\r\nh OK List completed.\r\n");
        says(&c, "i NAMESPACE",
             "* NAMESPACE ((\"\" \".\")) NIL ((\"caf&AOk-.\" \".\"))\r\ni OK Namespace completed.\r\n");
        fake.folder_error = -EACCES;
        says(&c, "j LIST \"\" *", "j NO [NOPERM] Permission denied.\r\n");
        client_close(&c);
}

static void test_folders(void **state)
{
        struct client c;

        client_open(&c);
        says(&c, "a CREATE &AOk-.",
             "a OK [MAILBOXID (00000000000000000000000000000002)] Create completed.\r\n");
        assert_string_equal(fake.created, "\xc3\xa9.");
        says(&c, "b DELETE inbox", "b NO [CANNOT] INBOX can't be deleted.\r\n");
        says(&c, "c RENAME x x", "c NO [ALREADYEXISTS] Can't rename mailbox to itself.\r\n");
        says(&c, "d RENAME x x.y", "d NO [CANNOT] Can't rename mailbox under its own child.\r\n");
        says(&c, "e RENAME x xy", "e OK Rename completed.\r\n");
        says(&c, "f RENAME INBOX INBOX.old", "f OK Rename completed.\r\n");
        assert_string_equal(fake.renamed_to, "INBOX.old");
        says(&c, "g SUBSCRIBE x", "g OK Subscribe completed.\r\n");
        fake.folder_error = -ENOENT;
        says(&c, "h SUBSCRIBE x", "h NO [NONEXISTENT] Mailbox doesn't exist: x.\r\n");
        says(&c, "i UNSUBSCRIBE x", "i OK Unsubscribe completed.\r\n");
        says(&c, "j RENAME x y", "j NO [NONEXISTENT] Mailbox doesn't exist: x.\r\n");
        says(&c, "k STATUS x (UNSEEN)", "k NO [NONEXISTENT] Mailbox doesn't exist: x.\r\n");
        fake.folder_error = -EEXIST;
        says(&c, "l CREATE x", "l NO [ALREADYEXISTS] Mailbox already exists.\r\n");
        fake.folder_error = -EINVAL;
        says(&c, "m CREATE \"\"", "m NO [CANNOT] Invalid mailbox name: Name is empty.\r\n");
        says(&c, "n CREATE .a", "n NO [CANNOT] Invalid mailbox name: Begins with hierarchy separator.\r\n");
        says(&c, "o RENAME x y.", "o NO [CANNOT] Invalid mailbox name: Ends with hierarchy separator.\r\n");
        says(&c, "p RENAME x. y", "p NO [CANNOT] Invalid mailbox name: Ends with hierarchy separator.\r\n");
        says(&c, "q CREATE a..b",
             "q NO [CANNOT] Invalid mailbox name: Has adjacent hierarchy separators.\r\n");
        says(&c, "r STATUS INBOX (MESSAGES UIDNEXT UNSEEN)",
             "* STATUS INBOX (MESSAGES 5 UIDNEXT 16 UNSEEN 2)\r\nr OK [CLIENTBUG] Status on selected mailbox "
             "completed.\r\n");
        client_close(&c);
}

/* The session goes on without a mailbox when the selected one is deleted or renamed. */
static void test_folders_selected(void **state)
{
        static const char *const commands[] = {"a DELETE t", "a RENAME t u"};

        for (size_t i = 0; i < 2; i++) {
                struct client c;

                client_open(&c);
                c.s.mailbox = &fake.boxes[1];
                client_send(&c, slice_of(commands[i]));
                client_send(&c, SLICE("\r\n"));
                client_run(&c);
                assert_true(slice_starts(client_answer(&c), SLICE("* OK [CLOSED]")));
                assert_null(c.s.mailbox);
                assert_false(c.s.over);
                client_close(&c);
        }
}

/* RFC 9585 section 4: only when it takes long, and not often. */
static void test_progress(void **state)
{
        struct client c;
        client_open(&c);
        imap_progress_start(&c.s, SLICE("A001"));
        for (unsigned i = 0; i < 100; i++)
                imap_progress(&c.s, i, 100);
        assert_slice_equal(client_answer(&c), SLICE(""));
        c.s.progress.next = 1;
        for (unsigned i = 0; i < 100; i++)
                imap_progress(&c.s, 454, 1000);
        assert_slice_equal(client_answer(&c),
                           SLICE("* OK [INPROGRESS (\"A001\" 454 1000)] Still at it, 45% done.\r\n"));
        client_close(&c);
}

/* One answer, as if the time had come: the clock is looked at now and then. */
static struct slice told(struct client *c, uint64_t done, uint64_t total)
{
        c->s.progress.next = 1;
        for (unsigned i = 0; i < IMAP_PROGRESS_CALLS; i++)
                imap_progress_step(&c->s, done, total);
        return client_answer(c);
}

static void test_progress_forms(void **state)
{
        struct client c;
        client_open(&c);
        imap_progress_start(&c.s, SLICE("a"));
        assert_slice_equal(told(&c, 0, 0), SLICE("* OK [INPROGRESS (\"a\" NIL NIL)] Still at it.\r\n"));
        assert_slice_equal(told(&c, 7, 0), SLICE("* OK [INPROGRESS (\"a\" 7 NIL)] Still at it.\r\n"));
        assert_slice_equal(told(&c, 5, 8), SLICE("* OK [INPROGRESS (\"a\" 5 8)] Still at it, 62% done.\r\n"));
        /* not back, and never the goal */
        assert_slice_equal(told(&c, 2, 8), SLICE("* OK [INPROGRESS (\"a\" 5 8)] Still at it, 62% done.\r\n"));
        assert_slice_equal(told(&c, 8, 8), SLICE("* OK [INPROGRESS (\"a\" 7 8)] Still at it, 87% done.\r\n"));
        /* what the store does is part of an item of the command */
        imap_progress(&c.s, 10, 20);
        assert_slice_equal(told(&c, 7, 8),
                           SLICE("* OK [INPROGRESS (\"a\" 10 20)] Still at it, 50% done.\r\n"));
        imap_progress_rest(&c.s);
        assert_slice_equal(told(&c, 4, 8),
                           SLICE("* OK [INPROGRESS (\"a\" 15 20)] Still at it, 75% done.\r\n"));
        /* such a tag could end the code */
        imap_progress_start(&c.s, SLICE("x]y"));
        assert_slice_equal(told(&c, 1, 2), SLICE("* OK [INPROGRESS (NIL 1 2)] Still at it, 50% done.\r\n"));
        imap_progress_end(&c.s);
        for (unsigned i = 0; i < IMAP_PROGRESS_CALLS; i++)
                imap_progress_step(&c.s, 1, 2);
        assert_slice_equal(client_answer(&c), SLICE(""));
        c.settings.imap_progress_interval = 0;
        imap_progress_start(&c.s, SLICE("a"));
        assert_int_equal(c.s.progress.next, 0);
        client_close(&c);
}

/* A client that does not read, while others may wait for what the store has locked. */
static void test_progress_does_not_wait(void **state)
{
        static const char much[4096];
        struct client c;
        client_open(&c);
        assert_int_equal(fcntl(c.fds[0], F_SETFL, O_NONBLOCK), 0);
        imap_progress_start(&c.s, SLICE("a"));
        while (write(c.fds[0], much, sizeof(much)) > 0)
                ;
        assert_int_equal(errno, EAGAIN);
        c.s.progress.next = 1;
        for (unsigned i = 0; i < IMAP_PROGRESS_CALLS; i++)
                imap_progress_step(&c.s, 1, 2);
        assert_int_equal(c.s.progress.next, 1);
        assert_int_equal(c.s.conn.out.n, 0);
        client_close(&c);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_replace),        cmocka_unit_test(test_append_several),
                cmocka_unit_test(test_progress),       cmocka_unit_test(test_catenate),
                cmocka_unit_test(test_progress_forms), cmocka_unit_test(test_progress_does_not_wait),
                cmocka_unit_test(test_append),         cmocka_unit_test(test_append_stays_in_step),
                cmocka_unit_test(test_append_streams), cmocka_unit_test(test_append_cut),
                cmocka_unit_test(test_copy),           cmocka_unit_test(test_move),
                cmocka_unit_test(test_store),          cmocka_unit_test(test_expunge),
                cmocka_unit_test(test_search),         cmocka_unit_test(test_list),
                cmocka_unit_test(test_folders),        cmocka_unit_test(test_folders_selected),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
