#ifndef MIME_DATE_H
#define MIME_DATE_H

/* The date-time of a Date field (RFC 5322 section 3.3, obsolete forms of 4.3): comments, folds, a missing day
 * name, missing seconds, years of two and three digits, named zones. */

#include "base/slice.h"

struct date {
        int64_t utc;      /* seconds since 1970 */
        int zone_minutes; /* east of Greenwich; 0 for unknown zones and when there is none */
        /* as written, disregarding the zone: what SENTON, SENTBEFORE and SENTSINCE compare */
        int year;                 /* 1900 to 9999 */
        int month;                /* 1 to 12 */
        int day;                  /* 1 to 31 */
        int hour, minute, second; /* second up to 60 */
};

/* 0, or -EINVAL when this is no date (31 February is none). RFC 5256 section 2.2: a day whose time is invalid
 * or missing begins at 00:00:00, in UTC when its zone is too. */
int date_parse(struct slice value, struct date *ret);

/* Minutes east of Greenwich of "+0200", or of a zone that RFC 5322 section 4.3 gives a name; -EINVAL for all
 * else. */
int date_zone(struct slice word, int *ret_minutes);

/* Seconds since 1970 of midnight at the start of that day, UTC. The day must exist. */
int64_t date_of_day(int year, int month, int day);

#endif
