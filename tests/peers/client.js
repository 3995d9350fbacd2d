// A follower of the feed on socket.io-client 2.x, as the vendor's own SDK uses it (and not written by us).
//
//   node client.js '{"url": "http://127.0.0.1:8090", "token": "…"}'
//
// Logs in by HTTP, connects to the server that the login names, and speaks JSON lines: tells on stdout what
// happens, does what stdin says, ends with stdin.
"use strict";

const http = require("http");
const readline = require("readline");
const io = require("socket.io-client-2");

const options = JSON.parse(process.argv[2]);
const tell = (line) => process.stdout.write(JSON.stringify(line) + "\n");

const EVENTS = [
  "loginSuccess",
  "loginStatus",
  "AllExtensionsStatus",
  "AllDialersStatus",
  "ExtensionEvent",
  "QueueEvent",
  "keepaliveResponse",
];

let socket;

const follow = (login) => {
  tell({ what: "login", url: login.Url, version: login.Version });
  socket = io(login.URLList[0], {
    query: { token: login.Token },
    transports: ["websocket"],
    upgrade: false,
    reconnection: false,
  });
  socket.on("connect", () => tell({ what: "connect", id: socket.id }));
  socket.on("disconnect", (reason) => tell({ what: "disconnect", reason }));
  socket.on("error", (error) => tell({ what: "error", error: String(error) }));
  socket.on("pong", () => tell({ what: "pong" }));
  EVENTS.forEach((name) => socket.on(name, (data) => tell({ what: name, data })));
  commands.keepalive = () => socket.emit("keepalive", login.Token);
};

const commands = {
  resync: () => socket.emit("resync", { cache: false }),
  monitor: ({ extensions }) => socket.emit("updateMonitoredExtensions", { extensionsString: extensions.join(",") }),
};

const body = JSON.stringify({ token: options.token });
const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) };
http
  .request(`${options.url}/monitorAPI/Login/Token`, { method: "POST", headers }, (answer) => {
    let text = "";
    answer.on("data", (part) => (text += part));
    answer.on("end", () => {
      if (answer.statusCode === 200) follow(JSON.parse(text).Data.Socket);
      else tell({ what: "refused", status: answer.statusCode });
    });
  })
  .end(body);

readline
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const command = JSON.parse(line);
    commands[command.do](command);
  })
  .on("close", () => process.exit(0));
