#pragma once
#include <postgresql/libpq-fe.h>
#include <sys/prctl.h>

/* Glibc's module exports neither of these to Swift. */
static inline void polyclinic_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

/* Server notices would go to standard error, values of rows included. */
static inline void polyclinic_drop_notice(void *context, const PGresult *notice) {
    (void)context;
    (void)notice;
}
static inline void polyclinic_silence_notices(PGconn *connection) {
    PQsetNoticeReceiver(connection, polyclinic_drop_notice, 0);
}
