"use strict";
// The package request is abandoned and has open advisories; danfojs-node uses it only to read tables from URLs.
module.exports = () => {
  throw new Error("request: reading tables from URLs is not supported in this project; read a local file");
};
