#pragma once
#include <malloc.h>

/* Glibc's module does not export <malloc.h> to Swift. */
