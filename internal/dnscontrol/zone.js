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
