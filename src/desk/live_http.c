#include "desk/desk_routes.gen.h"
#include "desk/live.h"

enum err live_http_get(struct request *rq, struct response *rs, struct errinfo *info)
{
    return live_read(rq->room, request_actor(rq), rq->arena, response_json(rs), info);
}
