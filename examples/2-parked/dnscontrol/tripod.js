// Written by tripod render. Do not edit: change the definitions instead.
// Every zone of the definitions, whole: dnscontrol --config, or require() it from dnsconfig.js.
(function () {
  var zones = {
    "dmarc-reports.example": require("./zones/dmarc-reports.example.json"),
    "parked-01.example": require("./zones/parked-01.example.json"),
    "parked-02.example": require("./zones/parked-02.example.json"),
    "parked-03.example": require("./zones/parked-03.example.json"),
    "parked-04.example": require("./zones/parked-04.example.json"),
    "parked-05.example": require("./zones/parked-05.example.json"),
    "parked-06.example": require("./zones/parked-06.example.json"),
    "parked-07.example": require("./zones/parked-07.example.json"),
    "parked-08.example": require("./zones/parked-08.example.json"),
    "parked-09.example": require("./zones/parked-09.example.json"),
    "parked-10.example": require("./zones/parked-10.example.json"),
    "parked-11.example": require("./zones/parked-11.example.json"),
    "parked-12.example": require("./zones/parked-12.example.json"),
    "parked-13.example": require("./zones/parked-13.example.json"),
    "parked-14.example": require("./zones/parked-14.example.json"),
    "parked-15.example": require("./zones/parked-15.example.json"),
    "parked-16.example": require("./zones/parked-16.example.json"),
    "parked-17.example": require("./zones/parked-17.example.json"),
    "parked-18.example": require("./zones/parked-18.example.json"),
    "parked-19.example": require("./zones/parked-19.example.json"),
    "parked-20.example": require("./zones/parked-20.example.json"),
    "parked-21.example": require("./zones/parked-21.example.json"),
    "parked-22.example": require("./zones/parked-22.example.json"),
    "parked-23.example": require("./zones/parked-23.example.json"),
    "parked-24.example": require("./zones/parked-24.example.json"),
    "parked-25.example": require("./zones/parked-25.example.json"),
    "parked-26.example": require("./zones/parked-26.example.json"),
    "parked-27.example": require("./zones/parked-27.example.json"),
    "parked-28.example": require("./zones/parked-28.example.json"),
    "parked-29.example": require("./zones/parked-29.example.json"),
    "parked-30.example": require("./zones/parked-30.example.json"),
    "parked-31.example": require("./zones/parked-31.example.json"),
    "parked-32.example": require("./zones/parked-32.example.json"),
    "parked-33.example": require("./zones/parked-33.example.json"),
    "parked-34.example": require("./zones/parked-34.example.json"),
    "parked-35.example": require("./zones/parked-35.example.json"),
    "parked-36.example": require("./zones/parked-36.example.json"),
    "parked-37.example": require("./zones/parked-37.example.json"),
    "parked-38.example": require("./zones/parked-38.example.json"),
    "parked-39.example": require("./zones/parked-39.example.json"),
    "parked-40.example": require("./zones/parked-40.example.json"),
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
  NewDnsProvider("route53");
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
