#include "api_server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/strbuf.h"

struct api_connection {
        struct api_server *server;
        struct api_connection *next, **link;
        uv_tcp_t tcp;
        struct strbuf in;
        char *head, *body;
        bool answering;
        void *kept;
        void (*gone)(void *data);
};

struct api_server {
        uv_tcp_t tcp;
        void (*request)(void *data, struct api_connection *connection, const char *method,
                        const char *target);
        void *data;
        struct api_connection *connections;
};

struct sending {
        uv_write_t write;
        char bytes[];
};

static void connection_free(uv_handle_t *handle)
{
        struct api_connection *connection = handle->data;

        strbuf_done(&connection->in);
        free(connection->head);
        free(connection->body);
        free(connection);
}

static void connection_close(struct api_connection *connection)
{
        if (uv_is_closing((uv_handle_t *)&connection->tcp))
                return;
        *connection->link = connection->next;
        if (connection->next)
                connection->next->link = connection->link;
        if (connection->gone)
                connection->gone(connection->kept);
        uv_close((uv_handle_t *)&connection->tcp, connection_free);
}

static char *copy(const char *bytes, size_t n)
{
        char *text = memory_alloc(n + 1);

        memcpy(text, bytes, n);
        return text;
}

/* Takes one request, if it is there whole. */
static void take_request(struct api_connection *connection)
{
        char *head_end = connection->in.length ? strstr(connection->in.text, "\r\n\r\n") : NULL;

        if (!head_end || connection->answering)
                return;
        size_t head = (size_t)(head_end - connection->in.text) + 4;
        const char *length = strstr(connection->in.text, "Content-Length: ");
        size_t body = length && length < head_end ? strtoul(length + 16, NULL, 10) : 0;
        if (connection->in.length < head + body)
                return;
        free(connection->head);
        free(connection->body);
        connection->head = copy(connection->in.text, head);
        connection->body = copy(connection->in.text + head, body);
        memmove(connection->in.text, connection->in.text + head + body,
                connection->in.length - head - body + 1);
        connection->in.length -= head + body;
        connection->answering = true;
        char method[16], target[4096];
        sscanf(connection->head, "%15s %4095s", method, target);
        connection->server->request(connection->server->data, connection, method, target);
}

static void on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *ret)
{
        static char room[65536];

        *ret = uv_buf_init(room, sizeof(room));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
        struct api_connection *connection = stream->data;

        if (n < 0) {
                connection_close(connection);
                return;
        }
        strbuf_add_bytes(&connection->in, buf->base, (size_t)n);
        take_request(connection);
}

static void on_connection(uv_stream_t *stream, int status)
{
        struct api_server *server = stream->data;
        struct api_connection *connection = memory_alloc(sizeof(*connection));

        connection->server = server;
        connection->next = server->connections;
        connection->link = &server->connections;
        if (connection->next)
                connection->next->link = &connection->next;
        server->connections = connection;
        uv_tcp_init(stream->loop, &connection->tcp);
        connection->tcp.data = connection;
        uv_accept(stream, (uv_stream_t *)&connection->tcp);
        uv_tcp_nodelay(&connection->tcp, 1);
        uv_read_start((uv_stream_t *)&connection->tcp, on_room, on_read);
}

struct api_server *api_server_new(uv_loop_t *loop,
                                  void (*request)(void *data, struct api_connection *connection,
                                                  const char *method, const char *target),
                                  void *data)
{
        struct api_server *server = memory_alloc(sizeof(*server));
        struct sockaddr_in address;

        signal(SIGPIPE, SIG_IGN); /* a client may be gone, as programs that are one expect too */
        server->request = request;
        server->data = data;
        uv_ip4_addr("127.0.0.1", 0, &address);
        uv_tcp_init(loop, &server->tcp);
        server->tcp.data = server;
        if (uv_tcp_bind(&server->tcp, (const struct sockaddr *)&address, 0) < 0 ||
            uv_listen((uv_stream_t *)&server->tcp, 16, on_connection) < 0)
                abort();
        return server;
}

unsigned api_server_port(const struct api_server *server)
{
        struct sockaddr_in address;
        int size = sizeof(address);

        uv_tcp_getsockname(&server->tcp, (struct sockaddr *)&address, &size);
        return (unsigned)((address.sin_port & 0xff) << 8 | address.sin_port >> 8);
}

const char *api_head(const struct api_connection *connection)
{
        return connection->head;
}

const char *api_body(const struct api_connection *connection)
{
        return connection->body;
}

void api_keep(struct api_connection *connection, void *data, void (*gone)(void *data))
{
        connection->kept = data;
        connection->gone = gone;
}

static void on_sent(uv_write_t *write, int status)
{
        free(write->data);
}

void api_send_raw(struct api_connection *connection, const char *bytes, size_t n)
{
        struct sending *sending = memory_alloc_raw(sizeof(*sending) + n);
        uv_buf_t buf = uv_buf_init(sending->bytes, (unsigned)n);

        memcpy(sending->bytes, bytes, n);
        sending->write.data = sending;
        if (uv_write(&sending->write, (uv_stream_t *)&connection->tcp, &buf, 1, on_sent) < 0)
                free(sending);
}

static void send_text(struct api_connection *connection, const struct strbuf *text)
{
        api_send_raw(connection, text->text, text->length);
}

void api_answer(struct api_connection *connection, int status, const char *headers,
                const char *body)
{
        _cleanup_strbuf_ struct strbuf text = {0};

        strbuf_printf(&text, "HTTP/1.1 %d Whatever\r\n%sContent-Length: %zu\r\n\r\n%s", status,
                      headers, strlen(body), body);
        send_text(connection, &text);
        connection->answering = false;
}

void api_begin(struct api_connection *connection)
{
        static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

        api_send_raw(connection, head, sizeof(head) - 1);
}

void api_send(struct api_connection *connection, const char *bytes, size_t n)
{
        _cleanup_strbuf_ struct strbuf text = {0};

        strbuf_printf(&text, "%zx\r\n", n);
        strbuf_add_bytes(&text, bytes, n);
        strbuf_add(&text, "\r\n");
        send_text(connection, &text);
}

void api_end(struct api_connection *connection)
{
        api_send_raw(connection, "0\r\n\r\n", 5);
        connection->answering = false;
}

static void on_shut(uv_shutdown_t *shutdown, int status)
{
        struct api_connection *connection = shutdown->data;

        free(shutdown);
        connection_close(connection);
}

void api_cut(struct api_connection *connection)
{
        uv_shutdown_t *shutdown = memory_alloc(sizeof(*shutdown));

        shutdown->data = connection;
        if (uv_shutdown(shutdown, (uv_stream_t *)&connection->tcp, on_shut) < 0) {
                free(shutdown);
                connection_close(connection);
        }
}

static void server_free(uv_handle_t *handle)
{
        free(handle->data);
}

void api_server_close(struct api_server *server)
{
        while (server->connections)
                connection_close(server->connections);
        uv_close((uv_handle_t *)&server->tcp, server_free);
}
