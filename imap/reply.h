#ifndef IMAP_REPLY_H
#define IMAP_REPLY_H

/* The reply writer: every byte an executor sends goes through here or conn_write(). */

#include "imap/session.h"

/* Tagged ends of a command; `text` is what follows OK/NO/BAD, with its response code. */
void imap_ok(struct imap_session *s, const struct imap_command *c, const char *fmt, ...) _printf_(3, 4);
void imap_no(struct imap_session *s, const struct imap_command *c, const char *fmt, ...) _printf_(3, 4);
void imap_bad(struct imap_session *s, const struct imap_command *c, const char *fmt, ...) _printf_(3, 4);

/* The usual end of a command that touched the selected mailbox: syncs (see imap_sync()), then the tagged OK.
 * Whether expunges may be told is the command's business (RFC 3501 section 7.4.1): not during FETCH, STORE
 * and SEARCH without UID; they may with UID. */
void imap_done(struct imap_session *s, const struct imap_command *c, const char *text);

/* NO with the response code that fits -errno (RFC 5530; TRYCREATE is the caller's), and a log line with
 * store_error() where an administrator should look. `what` names the operation for the log, e.g. "APPEND". */
void imap_fail(struct imap_session *s, const struct imap_command *c, int error, const char *what);

/* Takes what changed in the selected mailbox and tells it: EXPUNGE, FETCH (FLAGS [UID]), EXISTS, RECENT,
 * FLAGS. */
void imap_sync(struct imap_session *s, bool allow_expunge, bool with_uid);
/* A log line, once, when new mail is kept back for want of room (mailbox_waiting()). */
void imap_log_waiting(struct imap_session *s);
/* "* n FETCH (", what each response about a message begins with; "* u UIDFETCH (" with UIDONLY. */
void imap_fetch_start(struct imap_session *s, uint32_t seq, uint32_t uid);
/* "* n FETCH (UID u FLAGS (...))" for the view's message; no sync. With UID and MODSEQ for who knows
 * CONDSTORE (RFC 7162 section 3.2.4). */
void imap_tell_flags(struct imap_session *s, uint32_t seq, bool with_uid);
/* The same without the flags, which the client knows: its own STORE. */
void imap_tell_changed(struct imap_session *s, uint32_t seq);
/* "* OK [HIGHESTMODSEQ n]" of the view, or "[NOMODSEQ]". */
void imap_tell_modseq(struct imap_session *s);
/* Behind a sync: true when the client must hear HIGHESTMODSEQ (s->told_modseq then) before its command ends.
 */
bool imap_modseq_is_due(struct imap_session *s);
/* Why a mailbox has no MODSEQ to ask for. */
extern const char imap_no_modseq[];
/* True with CONDSTORE on from here; false, and BAD was said, when the selected mailbox keeps none (RFC 7162
 * section 3.1.2.2). */
bool imap_require_modseq(struct imap_session *s, const struct imap_command *c);
/* "* VANISHED (EARLIER) ..." for the UIDs of the set ("*": the last that was given) that are above `matched`
 * and were expunged after `since`, or may have been (section 3.2.10.1). */
void imap_tell_vanished(struct imap_session *s, const struct imap_set *uids, uint64_t since,
                        uint32_t matched);
/* "* FLAGS (...)" and, when not read-only, "* OK [PERMANENTFLAGS (...)]". */
void imap_tell_keywords(struct imap_session *s);
/* The same when there are others than it was told. */
void imap_tell_new_keywords(struct imap_session *s);

/* The untagged STATUS of a mailbox (name as of imap_mailbox_name()) with these items (enum imap_status_item).
 * 0; when it cannot be opened, -errno of the store and nothing is written. Of the selected mailbox: the view
 * as it stands. */
int imap_write_status(struct imap_session *s, const char *name, unsigned items);
/* The same line into a buffer. */
int imap_status_text(struct imap_session *s, const char *name, unsigned items, struct buf *to);
/* What they tell of a mailbox as it is now, selected or not. */
int imap_count(struct imap_session *s, const char *name, struct mailbox_status *ret);
bool imap_is_selected(const struct imap_session *s, const char *name);

/* Turns features on for the rest of the session (enum imap_feature). */
void imap_enable(struct imap_session *s, unsigned features);

/* '* LIST (\HasNoChildren) "/" name', with ("OLDNAME" (old)) when that is another name (RFC 9051 section
 * 6.3.9.7); NULL: there was none. \NonExistent when the folder is not there. */
void imap_tell_folder(struct imap_session *s, const char *name, const char *old);

/* Closes the selected mailbox, with all that is known of it. */
void imap_unselect(struct imap_session *s);

/* "* BYE text", end of session with `reason` (static, for the log). */
void imap_bye(struct imap_session *s, const char *reason, const char *text);

/* Appends "(\Seen $Forwarded)". */
void imap_flags_text(const struct imap_session *s, const struct message *m, struct buf *to);
/* A mailbox name, as an astring in mUTF-7 or, with FEATURES_UTF8_NAMES, in UTF-8. */
void imap_write_mailbox(struct imap_session *s, const char *utf8);
void imap_mailbox_text(const struct imap_session *s, const char *utf8, struct buf *to);
void imap_write_separator(struct conn *c, char separator); /* as a quoted string */
/* "1:4,7" */
void imap_write_uid_set(struct conn *c, const uint32_t *uids, size_t n);

/* Sequence numbers (ascending, no doubles, in the arena) that a set names in the view. With uid, UIDs that
 * are not there are left out; without, a number beyond the mailbox, or "*" in an empty one, is -EINVAL: say
 * BAD (RFC 3501 section 9, seq-number). "$" names messages that are there, with or without uid. */
int imap_resolve_set(struct imap_session *s, const struct imap_set *set, bool uid, uint32_t **ret_seqs,
                     size_t *ret_n);

/* What "$" names from now on, in the selected mailbox: UIDs, ascending and apart; copied. Those that are
 * expunged later need no change: no UID is given twice. NULL: nothing. */
void imap_save_set(struct imap_session *s, const struct imap_set *uids);

/* FETCH responses for the view's messages from `first` to the last, as UID FETCH of these items gives them.
 */
void imap_fetch_from(struct imap_session *s, uint32_t first, const struct imap_fetch_item *items, size_t n);
/* "* LIST (\Subscribed \HasNoChildren) "." name" with all attributes; old_name not NULL: with OLDNAME. */
void imap_write_folder(struct imap_session *s, const struct folder *f, const char *old_name);

/* A mailbox name as the store wants it: NUL-terminated, in the command's arena; INBOX in capitals as the
 * first level of a name too, or its folders would not be those that LIST shows below it; normalised when
 * names are in UTF-8. */
const char *imap_mailbox_name(struct imap_session *s, struct slice name);

#endif
