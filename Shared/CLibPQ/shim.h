#pragma once
#include <postgresql/libpq-fe.h>

/* Server notices would go to standard error, values of rows included. */
static inline void polyclinic_drop_notice(void *context, const PGresult *notice) {
    (void)context;
    (void)notice;
}
static inline void polyclinic_silence_notices(PGconn *connection) {
    PQsetNoticeReceiver(connection, polyclinic_drop_notice, 0);
}
