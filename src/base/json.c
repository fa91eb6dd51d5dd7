/* The tree is cJSON's; nobody outside sees that. cJSON is lax (depth 1000, "01", raw control characters, NUL by \u0000 cuts a string), so
 * json_scan.c has judged the text before cJSON gets it. */
#include "base/json.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "base/json_scan.h"
#include "base/mem.h"

#define DEFAULT_MAX (1U << 20)

static const cJSON *cj(const struct json *v)
{
    return (const cJSON *)(const void *)v;
}

static const struct json *js(const cJSON *v)
{
    return (const struct json *)(const void *)v;
}

struct json_doc {
    cJSON *root;
};

enum err json_parse(struct str text, size_t max_len, struct json_doc **out, struct errinfo *info)
{
    if (text.len > (max_len ? max_len : DEFAULT_MAX)) {
        return err_set(info, ERR_LIMIT, "", "too_long", "The JSON text is too long.");
    }
    enum err err = json_scan(text, info);
    if (err != ERR_OK) {
        return err;
    }
    cJSON *root = cJSON_ParseWithLength(text.p, text.len);
    if (root == NULL) {
        return err_set(info, ERR_INVALID, "", "json", "The text is not valid JSON.");
    }
    *out = MEM_NEW(struct json_doc);
    (*out)->root = root;
    return ERR_OK;
}

void json_doc_free(struct json_doc **doc)
{
    if (doc == NULL || *doc == NULL) {
        return;
    }
    cJSON_Delete((*doc)->root);
    mem_free(*doc);
    *doc = NULL;
}

const struct json *json_root(const struct json_doc *doc)
{
    return js(doc->root);
}

bool json_is_object(const struct json *v)
{
    return cJSON_IsObject(cj(v));
}

bool json_is_array(const struct json *v)
{
    return cJSON_IsArray(cj(v));
}

bool json_is_string(const struct json *v)
{
    return cJSON_IsString(cj(v));
}

bool json_is_number(const struct json *v)
{
    return cJSON_IsNumber(cj(v));
}

bool json_is_bool(const struct json *v)
{
    return cJSON_IsBool(cj(v));
}

bool json_is_null(const struct json *v)
{
    return cJSON_IsNull(cj(v));
}

struct str json_str(const struct json *v)
{
    return json_is_string(v) ? str_from(cj(v)->valuestring) : (struct str){"", 0};
}

double json_num(const struct json *v)
{
    return json_is_number(v) ? cj(v)->valuedouble : 0;
}

bool json_bool(const struct json *v)
{
    return cJSON_IsTrue(cj(v));
}

const struct json *json_find(const struct json *object, const char *key)
{
    if (!json_is_object(object)) {
        return NULL;
    }
    for (const cJSON *v = cj(object)->child; v != NULL; v = v->next) {
        if (strcmp(v->string, key) == 0) {
            return js(v);
        }
    }
    return NULL;
}

size_t json_len(const struct json *array)
{
    size_t n = 0;
    for (const struct json *v = json_first(array); v != NULL; v = json_next(v)) {
        n++;
    }
    return n;
}

const struct json *json_at(const struct json *array, size_t i)
{
    const struct json *v = json_first(array);
    while (v != NULL && i-- > 0) {
        v = json_next(v);
    }
    return v;
}

const struct json *json_first(const struct json *v)
{
    return json_is_object(v) || json_is_array(v) ? js(cj(v)->child) : NULL;
}

const struct json *json_next(const struct json *v)
{
    return v != NULL ? js(cj(v)->next) : NULL;
}

struct str json_key(const struct json *member)
{
    return member != NULL ? str_from(cj(member)->string) : (struct str){NULL, 0};
}
