/* Which file store the settings ask for. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/program.h"
#include "base/mem.h"

#define SECRET_MAX 256

bool program_has_bucket(const struct program *p)
{
    return files_is_s3(settings_str(p->settings, "files.url"));
}

static enum err read_secret(const struct program *p, char out[SECRET_MAX], struct errinfo *info)
{
    const char *path = settings_str(p->settings, "files.s3_secret_file");
    const char *given = settings_str(p->settings, "files.s3_secret_key");
    (void)snprintf(out, SECRET_MAX, "%s", given);
    if (path[0] == '\0') {
        return ERR_OK;
    }
    if (given[0] != '\0') {
        return err_set(info, ERR_INVALID, "files.s3_secret_file", "both",
                       "the secret key is given twice: as files.s3_secret_key and in a file");
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, out, SECRET_MAX - 1);
    if (fd >= 0) {
        (void)close(fd);
    }
    if (n <= 0) {
        return err_set(info, ERR_UNAVAILABLE, "files.s3_secret_file", "read",
                       "cannot read a secret key from %.100s", path);
    }
    out[n] = '\0';
    out[strcspn(out, "\r\n")] = '\0';
    return ERR_OK;
}

static enum err open_folder(const char *dir, bool is_beside, struct files **out,
                            struct errinfo *info)
{
    return is_beside ? files_open_local_beside(dir, out, info) : files_open_local(dir, out, info);
}

enum err program_open_files(struct program *p, const char *url, bool is_beside, struct files **out,
                            struct errinfo *info)
{
    const struct settings *s = p->settings;
    struct str text = str_from(url);
    if (text.len == 0) {
        return open_folder(program_files_dir(p), is_beside, out, info);
    }
    if (str_starts(text, STR("file:/"))) {
        return open_folder(url + strlen("file:"), is_beside, out, info);
    }
    if (!files_is_s3(url)) {
        return err_set(info, ERR_INVALID, "files.url", "kind",
                       "file:/FOLDER or s3://BUCKET/PREFIX, not %.60s", url);
    }
    char secret[SECRET_MAX];
    enum err err = read_secret(p, secret, info);
    if (err != ERR_OK) {
        return err;
    }
    int n_workers = (int)settings_int(s, "http.workers");
    struct files_s3_options o = {
        .url = url,
        .endpoint = settings_str(s, "files.s3_endpoint"),
        .region = settings_str(s, "files.s3_region"),
        .access_key = settings_str(s, "files.s3_access_key"),
        .secret_key = secret,
        .ca_file = settings_str(s, "files.s3_ca_file"),
        .has_bucket_in_host = settings_bool(s, "files.s3_bucket_in_host"),
        .silence_ms = (int)settings_int(s, "files.s3_silence"),
        .deadline_ms = (int)settings_int(s, "files.s3_deadline"),
        .max_calls = n_workers > 3 ? n_workers * 3 / 4 : 1, /* the others go on without files */
        .max_streams = (int)settings_int(s, "files.s3_downloads"),
        .clock = p->clock,
    };
    err = files_open_s3(&o, out, info);
    mem_wipe(secret, sizeof(secret));
    return err;
}
