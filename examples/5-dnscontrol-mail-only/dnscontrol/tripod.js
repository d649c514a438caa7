// Written by tripod render. Do not edit: change the definitions instead.
// TRIPOD("example.com") inside a D() gives the mail records of that zone.
var TRIPOD = (function () {
  var zones = {
    "example.net": require("./zones/example.net.json"),
  };

  // dnscontrol's own functions, by record type.
  var make = {
    A: A, AAAA: AAAA, CAA: CAA, CNAME: CNAME, DHCID: DHCID, DNAME: DNAME, DNSKEY: DNSKEY, DS: DS,
    HTTPS: HTTPS, LOC: LOC, MX: MX, NAPTR: NAPTR, NS: NS, PTR: PTR, SOA: SOA, SRV: SRV, SSHFP: SSHFP,
    SVCB: SVCB, TLSA: TLSA, TXT: TXT
  };

  function flag(value) {
    return function (record) { record.caaflag = value; };
  }

  // add makes a record; without a TTL of its own it gets the DefaultTTL of d, wherever in D() that stands: it is
  // looked up when dnscontrol reads the finished domain.
  function add(build, d, own) {
    var lists = [d.records, d.rawrecords || []];
    var before = [lists[0].length, lists[1].length];
    build(d);
    for (var i = 0; i < lists.length && !own; i++) {
      for (var j = before[i]; j < lists[i].length; j++) {
        Object.defineProperty(lists[i][j], "ttl", {
          enumerable: true, configurable: true, get: function () { return d.defaultTTL; }
        });
      }
    }
  }

  // apply puts the records of a zone into the domain d, which D() is making.
  function apply(zone, d) {
    var i, r, args;
    for (i = 0; i < zone.nameservers.length; i++) {
      NAMESERVER(zone.nameservers[i])(d);
    }
    if (zone.ns_ttl) {
      _.extend(d.meta, NAMESERVER_TTL(zone.ns_ttl));
    }
    for (i = 0; i < zone.ignore.length; i++) {
      IGNORE.apply(null, zone.ignore[i])(d);
    }
    for (i = 0; i < zone.records.length; i++) {
      r = zone.records[i];
      args = [r.name].concat(r.args);
      if (r.ttl) {
        args.push(TTL(r.ttl));
      }
      if (r.flag) {
        args.push(flag(r.flag));
      }
      add(make[r.type].apply(null, args), d, r.ttl);
    }
  }
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
