#ifndef STORE_VIEW_H
#define STORE_VIEW_H

/* The view's side that other files of this folder use. */

#include "store/maildir.h"

/* Adds the messages that came since the last time, at the end. */
void view_extend(struct mailbox *m);
/* watch.c: reads off what inotify has said. */
void watch_drain(struct mailbox *m);

#endif
