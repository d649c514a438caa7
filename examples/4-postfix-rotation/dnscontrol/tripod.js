// Written by tripod render. Do not edit: change the definitions instead.
// Every zone of the definitions, whole: dnscontrol --config, or require() it from dnsconfig.js.
(function () {
  var zones = {
    "example.org": require("./zones/example.org.json"),
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
  NewRegistrar("none");
  NewDnsProvider("bind");
  for (var id in zones) {
    if (zones.hasOwnProperty(id)) {
      (function (zone) {
        var args = [zone.zone, zone.registrar];
        for (var i = 0; i < zone.providers.length; i++) {
          args.push(DnsProvider(zone.providers[i]));
        }
        args.push(function (d) { apply(zone, d); });
        D.apply(null, args);
      })(zones[id]);
    }
  }
})();
