#include "app/demo_people.h"

#include "base/check.h"
#include "base/rng.h"
#include "base/timeutil.h"
#include "platform/crypto.h"

#define VALID_S 300

static const struct person {
    const char *uid, *name, *tier, *locale, *email;
} people[] = {
    {"10023817", "林薇", "VIP", "zh-CN", "lin.wei@customer.example"},
    {"10054209", "Alex Müller", "retail", "en", "alex.mueller@customer.example"},
};

void demo_people_write(struct json_writer *w, struct str inbox_key)
{
    json_object_begin(w);
    json_kv_str(w, "inbox", inbox_key);
    json_put_key(w, "people");
    json_array_begin(w);
    for (size_t i = 0; i < ARRAY_LEN(people); i++) {
        json_object_begin(w);
        json_kv_cstr(w, "uid", people[i].uid);
        json_kv_cstr(w, "name", people[i].name);
        json_kv_cstr(w, "tier", people[i].tier);
        json_kv_cstr(w, "locale", people[i].locale);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
}

static const struct person *find(struct str uid)
{
    for (size_t i = 0; i < ARRAY_LEN(people); i++) {
        if (str_eq_cstr(uid, people[i].uid)) {
            return &people[i];
        }
    }
    return NULL;
}

enum err demo_people_sign(struct arena *arena, struct str uid, struct str inbox_key,
                          struct str secret, int64_t now, struct str *out, struct errinfo *info)
{
    const struct person *p = find(uid);
    if (p == NULL) {
        return err_set(info, ERR_NOT_FOUND, "uid", "unknown", "Nobody in this demo has that uid.");
    }
    struct buf claims;
    buf_init(&claims, 2048);
    struct json_writer w;
    json_writer_init(&w, &claims);
    json_object_begin(&w);
    json_kv_cstr(&w, "sub", p->uid);
    json_kv_cstr(&w, "name", p->name);
    json_kv_cstr(&w, "tier", p->tier);
    json_kv_cstr(&w, "locale", p->locale);
    json_kv_cstr(&w, "email", p->email);
    json_kv_str(&w, "aud", inbox_key);
    json_kv_i64(&w, "iat", now / TIME_SECOND_MS);
    json_kv_i64(&w, "exp", now / TIME_SECOND_MS + VALID_S);
    json_kv_str(&w, "jti", crypto_token(arena));
    json_object_end(&w);
    *out = crypto_jwt_sign_hs256(arena, secret, buf_str(&claims));
    buf_release(&claims);
    return ERR_OK;
}
