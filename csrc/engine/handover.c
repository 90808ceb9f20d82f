#include "engine/handover.h"

#include "engine/transport.h"

void tlsmgm_handover_discard(struct tlsmgm_handover *handover) {
    const struct tlsmgm_transport *sockets = tlsmgm_socket_transport();
    if (handover->fd >= 0) sockets->reset(sockets->context, handover->fd);
    if (handover->tls.conn != NULL) handover->tls.backend->conn_free(handover->tls.conn);
    tlsmgm_buffer_free(&handover->unsent);
    tlsmgm_blob_free(&handover->server_name);
    tlsmgm_plan_free(handover->plan);
    *handover = (struct tlsmgm_handover){.fd = -1};
}
