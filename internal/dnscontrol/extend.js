  var off = typeof tripod !== "undefined" && tripod === "off";
  var used = {};

  return function (name) {
    var zone = zones.hasOwnProperty(name) ? zones[name] : null;
    if (zone === null && !off) {
      throw 'TRIPOD("' + name + '"): tripod has no domain of this name; write one, or run tripod render';
    }
    return function (d) {
      var here = d.name.toLowerCase().replace(/!$/, "");
      if (here !== String(name).toLowerCase() && !/[^\x00-\x7f]/.test(here)) {
        throw 'TRIPOD("' + name + '") stands in D("' + d.name + '"): it belongs in the D() of its own zone';
      }
      if (used[name]) {
        throw 'TRIPOD("' + name + '") stands twice';
      }
      used[name] = true;
      if (off) { // dnscontrol print-ir --raw -v tripod=off: how tripod reads the rest of the zone
        add(TXT("_tripod", "tripod=off " + name), d);
        return;
      }
      apply(zone, d);
    };
  };
})();
