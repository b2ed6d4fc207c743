"""The chain from crystals to tagged jets, as a fragment: process.load("top_tagging_cff")."""

import eventproc.config as cms

ecalCrystals = cms.EDProducer(
    "EcalCrystalProducer",
    hits=cms.InputTag("ecalRecHits"),
    energyMin=cms.double(0.25),
)

ecalJets = cms.EDProducer(
    "EcalJetProducer",
    crystals=cms.InputTag("ecalCrystals"),
    radius=cms.double(0.8),
    jetEtMin=cms.double(200.0),
)

jetImages = cms.EDProducer(
    "JetImageProducer",
    crystals=cms.InputTag("ecalCrystals"),
    jets=cms.InputTag("ecalJets"),
)

# In collision data, which have no hard partons, every jet's label is -1.
jetTruth = cms.EDProducer("JetTruthProducer", jets=cms.InputTag("ecalJets"))

topTags = cms.EDProducer(
    "TopTagger",
    images=cms.InputTag("jetImages"),
    modelName=cms.string("toptag_small"),
    timeout=cms.untracked.uint32(60),
    allowedTries=cms.untracked.uint32(3),
)

topTagging = cms.Sequence(ecalCrystals + ecalJets + jetImages + jetTruth + topTags)
