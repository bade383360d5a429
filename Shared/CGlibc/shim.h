#pragma once
/* Glibc's module exports neither of these to Swift. */
#include <malloc.h>
#include <sys/prctl.h>

static inline void polyclinic_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }
