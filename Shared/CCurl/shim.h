#pragma once
#include <curl/curl.h>

// curl_easy_setopt and curl_easy_getinfo are variadic, which Swift cannot call: one function per kind of value.

typedef size_t (*polyclinic_curl_transfer)(char *buffer, size_t size, size_t count, void *context);
typedef int (*polyclinic_curl_listener)(CURL *handle, curl_infotype kind, char *data, size_t size, void *context);

static inline CURLcode polyclinic_curl_set_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode polyclinic_curl_set_size(CURL *handle, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode polyclinic_curl_set_text(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode polyclinic_curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode polyclinic_curl_set_pointer(CURL *handle, CURLoption option, void *value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode polyclinic_curl_set_function(CURL *handle, CURLoption option, polyclinic_curl_transfer value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode polyclinic_curl_set_listener(CURL *handle, polyclinic_curl_listener value) {
    return curl_easy_setopt(handle, CURLOPT_DEBUGFUNCTION, value);
}
static inline CURLcode polyclinic_curl_get_long(CURL *handle, CURLINFO info, long *value) {
    return curl_easy_getinfo(handle, info, value);
}
static inline CURLcode polyclinic_curl_start(void) { return curl_global_init(CURL_GLOBAL_DEFAULT); }
