package rules

// All are the rules, family by family, in the order of docs/rules.
func All() []*Rule {
	return []*Rule{
		// SPF
		spfSyntax, spfUnrecognised, spfMultiple, spfLookupLimit, spfLookupBudget, spfVoidLimit, spfVoid, spfMXLimit,
		spfIncludeMissing, spfIncludeBroken, spfLoop, spfPassAll, spfNeutralAll, spfNoAll, spfHardfail, spfUnreachable,
		spfDuplicate, spfCovered, spfHostBits, spfNeedless, spfBroad, spfReserved, spfPTR, spfLength, spfSplit, spfRRType,
		spfSenderID, spfDynamic, spfExp, spfNoRecord,
		// DKIM
		dkimSyntax, dkimKey, dkimKeySize, dkimKeyWeak, dkimKeyShared, dkimSHA1, dkimTesting, dkimService, dkimObsolete,
		dkimRevoked, dkimMultiple, dkimName, dkimDangling, dkimEd25519Only, dkimWildcard, dkimNone, dkimPrivateKey,
		// DMARC
		dmarcSyntax, dmarcValue, dmarcNoP, dmarcMultiple, dmarcLocation, dmarcMissing, dmarcNone, dmarcRemovedTag,
		dmarcUnknownTag, dmarcDuplicateTag, dmarcOrder, dmarcURI, dmarcManyURIs, dmarcNoRUA, dmarcExternal, dmarcReportMX,
		dmarcSubdomainWeaker, dmarcSPIgnored, dmarcNPIneffective, dmarcDiscoveryDiffers, dmarcTesting, dmarcPSD, dmarcFO,
		dmarcRUF, dmarcNoAuth, dmarcRejectSPFOnly, dmarcAlignment, dmarcCNAME, dmarcWildcard, dmarcOtherTXT,
		// MTA-STS
		mtastsRecord, mtastsMultiple, mtastsHost, mtastsMX, mtastsMode, mtastsMaxAge,
		// TLS-RPT
		tlsrptRecord, tlsrptMultiple, tlsrptMissing,
		// BIMI
		bimiRecord, bimiPolicy,
		// MX
		mxNull, mxTarget, mxMissing, mxImplicit, mxUnprotected, mxSingle,
		// DANE
		daneTLSA,
		// names that records lead to
		targetUnregistered,
		// the DNS around them
		dnsCNAME, dnsWildcardCNAME, dnsOccluded, dnsDuplicate, dnsTTL, dnsName,
		// what expect blocks assert
		expectFailed,
	}
}
