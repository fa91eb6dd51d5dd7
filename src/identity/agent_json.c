#include "identity/agent_json.h"

#include "identity/text_list.h"

void agent_write_json(struct json_writer *w, const struct agent *a)
{
    json_object_begin(w);
    json_kv_id(w, "id", a->id.v);
    json_kv_str(w, "email", a->email);
    json_kv_str(w, "name", a->name);
    json_kv_id(w, "role_id", a->role.v);
    json_kv_str(w, "role", a->role_name);
    json_put_key(w, "team_ids");
    json_array_begin(w);
    for (size_t i = 0; i < a->n_teams; i++) {
        json_put_id(w, a->teams[i].v);
    }
    json_array_end(w);
    json_put_key(w, "languages");
    text_list_write(w, a->languages, a->n_languages);
    json_put_key(w, "skills");
    text_list_write(w, a->skills, a->n_skills);
    json_kv_i64(w, "capacity", a->capacity);
    json_kv_bool(w, "is_active", a->is_active);
    json_kv_str(w, "zone", a->zone);
    json_kv_bool(w, "totp_enabled", a->has_totp);
    json_kv_time(w, "created_at", a->created_at);
    json_kv_i64(w, "version", a->version);
    json_object_end(w);
}
