// A monitor server of Voicenter's, played on socket.io 2.x or 4.x (both written by others than our client).
//
//   node server.js '{"version": 2, "allowEIO3": false, "pingInterval": 300, "pingTimeout": 300}'
//
// Speaks JSON lines: tells on stdout what happens, does what stdin says, ends with stdin.
"use strict";

const http = require("http");
const readline = require("readline");

const options = JSON.parse(process.argv[2]);
const tell = (line) => process.stdout.write(JSON.stringify(line) + "\n");

const server = http.createServer();
const { Server } = options.version === 2 ? { Server: require("socket.io-2") } : require("socket.io-4");
const io = new Server(server, {
  transports: ["websocket"],
  pingInterval: options.pingInterval,
  pingTimeout: options.pingTimeout,
  perMessageDeflate: false,
  allowEIO3: options.allowEIO3,
});

const extension = (sip, calls, padding) => ({ extenUser: sip, userID: 1, onlineUserID: 1, calls, padding });
const snapshot = (padding) => ({ errorCode: 0, extensions: [extension("SIP1", [], padding)] });
const call = (ivrid) => ({ ivrid, answered: 1, callstatus: "Talking", direction: "Incoming" });

let sockets = [];
io.on("connection", (socket) => {
  sockets.push(socket);
  tell({ what: "connection", token: socket.handshake.query.token, transport: socket.conn.transport.name });
  socket.on("disconnect", (reason) => {
    sockets = sockets.filter((other) => other !== socket);
    tell({ what: "disconnect", reason });
  });
  socket.on("keepalive", (token) => {
    tell({ what: "keepalive", token });
    socket.emit("keepaliveResponse", { errorCode: 0 });
  });
  socket.on("resync", (wish) => {
    tell({ what: "resync", wish });
    socket.emit("AllExtensionsStatus", snapshot());
  });
  socket.emit("loginSuccess", { errorCode: 0 });
  socket.emit("AllExtensionsStatus", snapshot());
});

const commands = {
  events: ({ count }) => {
    for (let n = 0; n < count; n += 1) {
      const leg = call(`call${n}`);
      const data = { ...extension("SIP1", [leg]), currentCall: leg };
      io.emit("ExtensionEvent", { eventName: "extension", reason: "NEWCALL", data });
    }
  },
  big: ({ bytes }) => io.emit("AllExtensionsStatus", snapshot("x".repeat(bytes))),
  reconfigured: () => io.emit("ExtensionsUpdated", {}),
  kick: () => sockets.forEach((socket) => socket.disconnect(true)),
  leave: () => sockets.forEach((socket) => socket.disconnect(false)),
};

readline
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const command = JSON.parse(line);
    commands[command.do](command);
  })
  .on("close", () => process.exit(0));

server.listen(0, "127.0.0.1", () => tell({ what: "listening", port: server.address().port }));
