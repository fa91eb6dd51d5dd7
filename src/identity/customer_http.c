#include "identity/customer_fields.h"
#include "identity/customer_service.h"
#include "identity/identity_http.h"

enum err customer_http_list(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct page page;
    struct customer *list;
    size_t n;
    enum err err = request_page(rq, &page, info);
    /* one more than asked tells whether there is another page */
    err = err == ERR_OK
              ? customer_service_search(rq->room, request_actor(rq),
                                        str_sub(request_query(rq, "q"), 0, 400), page.after,
                                        (size_t)page.limit + 1, rq->arena, &list, &n, info)
              : err;
    if (err != ERR_OK) {
        return err;
    }
    bool has_more = n > (size_t)page.limit;
    n = has_more ? (size_t)page.limit : n;
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    json_put_key(w, "items");
    json_array_begin(w);
    for (size_t i = 0; i < n; i++) {
        customer_write_json(w, &list[i]);
    }
    json_array_end(w);
    json_kv_cursor(w, has_more, has_more ? list[n - 1].id.v : 0, 0);
    json_object_end(w);
    return ERR_OK;
}

enum err customer_http_get(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct customer_id id;
    struct customer c;
    enum err err = request_param_id(rq, "id", &id.v, info);
    err = err == ERR_OK ? customer_service_get(rq->room, request_actor(rq), id, rq->arena, &c, info)
                        : err;
    if (err == ERR_OK) {
        response_etag(rs, c.version);
        customer_write_json(response_json(rs), &c);
    }
    return err;
}

struct patch_values {
    struct str name, email, tier, locale, zone, notes, fields;
};

static enum err read_patch(struct request *rq, struct patch_values *v, struct customer_patch *p,
                           struct errinfo *info)
{
    const struct json *o;
    bool has_fields = false;
    enum err err = request_json(rq, &o, info);
    err = err == ERR_OK ? http_opt_text(o, "name", 80, &v->name, &p->name, info) : err;
    err = err == ERR_OK ? http_opt_text(o, "email", 254, &v->email, &p->email, info) : err;
    err = err == ERR_OK ? http_opt_text(o, "tier", 20, &v->tier, &p->tier, info) : err;
    err = err == ERR_OK ? http_opt_text(o, "locale", 20, &v->locale, &p->locale, info) : err;
    err = err == ERR_OK ? http_opt_text(o, "zone", 60, &v->zone, &p->zone, info) : err;
    err = err == ERR_OK ? http_opt_text(o, "notes", 10000, &v->notes, &p->notes, info) : err;
    err = err == ERR_OK
              ? customer_fields_check(rq->arena, o, "fields", &v->fields, &has_fields, info)
              : err;
    p->fields_json = has_fields ? &v->fields : NULL;
    return err;
}

enum err customer_http_update(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct customer_id id;
    struct customer c;
    struct patch_values values;
    struct customer_patch patch = {0};
    int64_t version = 0;
    enum err err = request_param_id(rq, "id", &id.v, info);
    err = err == ERR_OK ? read_patch(rq, &values, &patch, info) : err;
    err = err == ERR_OK ? request_version(rq, &version, info) : err;
    err = err == ERR_OK ? customer_service_update(rq->room, request_actor(rq), id, version, &patch,
                                                  rq->arena, &c, info)
                        : err;
    if (err == ERR_OK) {
        response_etag(rs, c.version);
        customer_write_json(response_json(rs), &c);
    }
    return err;
}
