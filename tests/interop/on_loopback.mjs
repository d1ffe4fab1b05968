// For `node --import`, before a server that takes a port only and listens on all addresses of the machine: it listens on
// 127.0.0.1 then, says which port it got, and ends when whoever started it is gone.
import net from "node:net";

const { listen } = net.Server.prototype;

net.Server.prototype.listen = function (port, ...others) {
  this.once("listening", () => console.error(`on 127.0.0.1:${this.address().port}`));
  return listen.call(this, { host: "127.0.0.1", port }, ...others);
};

process.stdin.on("end", () => process.exit()).resume();
