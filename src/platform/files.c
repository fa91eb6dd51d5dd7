#include "base/log.h"
#include "platform/files.h"

enum err files_failed(enum err err, const struct errinfo *cause, struct errinfo *info)
{
    if (err == ERR_OK) {
        return ERR_OK;
    }
    LOG_ERROR("files", "file store failed", log_cstr("error", err_name(err)),
              log_cstr("code", cause->code), log_cstr("detail", cause->message));
    if (err == ERR_NOT_FOUND) {
        return err_set(info, err, "id", "not_found", "the file is gone");
    }
    (void)err_set(info, err == ERR_AGAIN ? ERR_AGAIN : ERR_UNAVAILABLE, "file", "file_store",
                  "files cannot be stored or fetched at the moment");
    return err_retry_after(info, err == ERR_AGAIN ? ERR_AGAIN : ERR_UNAVAILABLE,
                           cause->retry_after_ms > 0 ? cause->retry_after_ms : 5000);
}
