#include "mail_files.h"

#include "base/macro.h"

const char *const mail_folders[] = {"", "/.Sent", "/.a.b", "/.Gr&APwA3w-e"};
const size_t mail_folders_n = ARRAY_LEN(mail_folders);

#define HEAD(subject, id)                                                                                    \
        "From: Anna Schmidt <anna@example.org>\n"                                                            \
        "To: Kevin <kevin@example.com>\n"                                                                    \
        "Subject: " subject "\n"                                                                             \
        "Date: Tue, 14 Nov 2023 23:13:20 +0100\n"                                                            \
        "Message-ID: <" id "@example.org>\n"

static const char plain[] = HEAD("Lunch on Friday", "1") "\nHello Kevin,\n\nlunch on Friday at noon?\n";

static const char utf8[] =
        HEAD("=?utf-8?q?Re:_Gr=C3=BC=C3=9Fe?=",
             "2") "Cc: =?utf-8?b?SsO8cmdlbg==?= <j@example.net>, team: bert@example.net, carl@example.net;\n"
                  "In-Reply-To: <1@example.org>\n"
                  "References: <0@example.org> <1@example.org>\n"
                  "MIME-Version: 1.0\n"
                  "Content-Type: text/plain; charset=utf-8\n"
                  "\nSch\xc3\xb6ne Gr\xc3\xbc\xc3\x9f"
                  "e!\n";

static const char mixed[] =
        HEAD("Re: Lunch on Friday",
             "3") "References: <1@example.org>\n"
                  "MIME-Version: 1.0\n"
                  "Content-Type: multipart/mixed; boundary=outer\n"
                  "\nFor old readers.\n"
                  "--outer\n"
                  "Content-Type: multipart/alternative; boundary=\"inner\"\n"
                  "\n--inner\n"
                  "Content-Type: text/plain; charset=iso-8859-1\n"
                  "Content-Transfer-Encoding: quoted-printable\n"
                  "\nSch=F6ne W=F6rter, =\nsoft.\n"
                  "--inner\n"
                  "Content-Type: text/html; charset=utf-8\n"
                  "Content-Language: de, en\n"
                  "\n<p>Sch&ouml;n <b>html</b></p>\n"
                  "--inner--\n"
                  "--outer\n"
                  "Content-Type: application/octet-stream; name*=utf-8''d%C3%A4.bin\n"
                  "Content-Disposition: attachment; filename*0=\"da\"; filename*1=\"ta.bin\"\n"
                  "Content-Transfer-Encoding: base64\n"
                  "Content-ID: <x@example.org>\n"
                  "Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\n"
                  "\nAAECAwQFBgcICQoLDA0ODw==\n"
                  "--outer\n"
                  "Content-Type: message/rfc822\n"
                  "\nFrom: Bert <bert@example.net>\n"
                  "Subject: Inner subject\n"
                  "Date: Mon, 13 Nov 2023 10:00:00 +0000\n"
                  "Content-Type: multipart/digest; boundary=d\n"
                  "\n--d\n"
                  "\nSubject: in a digest\n"
                  "\ntext\n"
                  "--d--\n"
                  "\n--outer--\n";

static const char broken[] = "From: \"no end <x@\nSubject: caf\xe9 (unclosed\nDate: never\n"
                             "Content-Type: multipart/mixed\nContent-Transfer-Encoding: base64\n"
                             "\r\n\x80\xff bare\rCR and \x01 control\n.\n";

/* The UIDs have gaps; two messages are not in the list yet. */
static const char uidlist[] = "3 V1600000000 N12 G0123456789abcdef0123456789abcdef\n"
                              "1 :1700000001.M1P1.host,S=219\n"
                              "4 :1700000002.M2P1.host\n"
                              "5 :1700000003.M3P1.host\n"
                              "9 :1700000004.M4P1.host\n"
                              "11 :1700000005.M5P1.host\n";

const struct mail_file mail_files[] = {
        {"Maildir/cur/1700000001.M1P1.host,S=219:2,", plain},
        {"Maildir/cur/1700000002.M2P1.host:2,Sab", utf8},
        {"Maildir/cur/1700000003.M3P1.host:2,FRS", mixed},
        {"Maildir/cur/1700000004.M4P1.host:2,T", broken},
        {"Maildir/cur/1700000005.M5P1.host:2,DSTb", ""},
        {"Maildir/cur/1700000006.M6P1.host:2,", utf8},
        {"Maildir/new/1700000007.M7P1.host", plain},
        {"Maildir/dovecot-uidlist", uidlist},
        {"Maildir/dovecot-keywords", "0 $Label1\n1 Work\n"},
        {"Maildir/subscriptions", "V\t2\n\nSent\na\tb\nGone\n"},
        {"Maildir/.Sent/maildirfolder", ""},
        {"Maildir/.Sent/cur/1700000011.M11P1.host:2,S", mixed},
        {"Maildir/.Sent/cur/1700000012.M12P1.host:2,", utf8},
        {"Maildir/.a.b/maildirfolder", ""},
        {"Maildir/.a.b/new/1700000021.M21P1.host", plain},
        {"Maildir/.Gr&APwA3w-e/maildirfolder", ""},
};
const size_t mail_files_n = ARRAY_LEN(mail_files);
