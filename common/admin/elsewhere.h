#ifndef ADMIN_ELSEWHERE_H
#define ADMIN_ELSEWHERE_H

/* Mail that is delivered to a place nobody reads. */

#include "admin/admin.h"
#include "admin/look.h"

/* Looks where tutorials have mail delivered, with the rights of this process, and says what is there beside
 * the place that is served. Something newer than what came there is a problem: told with the line to change.
 */
void elsewhere(struct admin *a, const struct auth_user *user, const char *served, const struct look *here);

/* "2026-11-21 10:20:03" in local time, "never" for 0; in the arena. */
const char *elsewhere_time(const struct admin *a, time_t t);

#endif
