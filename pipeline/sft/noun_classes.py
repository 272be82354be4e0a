"""Common nouns of English by what they name: instruments, occupations, subjects, animals, colours.

In: nothing. Out: sets of nouns in lower case, of which a value of such a relation must be one. Each
follows a published classification, of which the everyday names are taken; what is missing makes a
fact missed, never one made up.
"""

# Instruments by the classes of Hornbostel and Sachs as MIMO revised them (mimo-international.com):
# idiophones, membranophones, chordophones, aerophones, electrophones.
_INSTRUMENTS = """
    bell bells bones carillon castanets celesta celeste chimes cowbell cymbal cymbals gamelan
    glockenspiel gong guiro handbells kalimba maracas marimba metallophone steelpan tambourine
    triangle vibraphone washboard woodblock xylophone bodhran bongo bongos conga congas cajon daf
    darbuka djembe dhol drum drums kettledrum mridangam pandeiro percussion snare tabla taiko
    timpani tom-tom autoharp baglama balalaika bandura banjo baryton bass bouzouki cello charango
    cimbalom cittern clavichord clavinet cuatro dobro dulcimer erhu fiddle fortepiano gittern
    guitar guitars guqin guzheng hardanger harp harpsichord koto kora lute lyre mandola mandolin
    mandora oud pianoforte piano pipa psaltery qanun rebab rebec santur sarangi sarod shamisen
    sitar spinet tambura tanbura theorbo ukulele veena vihuela viol viola violin violoncello
    violone zither accordion alphorn bagpipe bagpipes bandoneon bassoon bombarde bugle calliope
    clarinet concertina contrabassoon cornet cornett crumhorn didgeridoo duduk dulcian euphonium
    fife flageolet flugelhorn flute harmonica harmonium horn kazoo mellophone melodeon melodica
    nay ney oboe ocarina organ panpipes piccolo recorder sackbut saxophone sax serpent shakuhachi
    shawm shehnai sheng sousaphone tin-whistle trombone trumpet tuba whistle zurna keyboard
    keyboards mellotron ondes-martenot synthesiser synthesizer theremin turntables vocoder
"""
# What makers and players put before an instrument's name, and is still the same question's answer.
_BEFORE_INSTRUMENTS = """
    acoustic alto baritone baroque bass classical concert contrabass double electric english
    fretless french grand hammered hammond irish jazz lead lever natural pedal pipe renaissance
    rhythm slide solo soprano steel tenor tin twelve-string uilleann upright bass-drum
"""
# Occupations: the last words of titles of the unit groups and index of the International Standard
# Classification of Occupations (ISCO-08, ILO). What programs are called as well (server, agent,
# host, guide, model, operator, monitor) is left out, and so are titles of office.
_OCCUPATIONS = """
    accountant actor actress actuary administrator adviser advisor agronomist anaesthetist analyst
    anchor anthropologist apprentice arbitrator archaeologist architect archivist artisan artist
    assistant astrologer astronaut astronomer athlete attorney auctioneer auditor author baker
    banker barber barista barrister bartender beautician beekeeper biologist blacksmith blower
    boatbuilder boatman bodyguard boilermaker bookbinder bookkeeper bookmaker bookseller botanist
    brewer bricklayer broker builder butcher butler cabinetmaker caretaker carpenter cartographer
    cartoonist cashier caterer chambermaid chauffeur chef chemist childminder chiropractor
    choreographer cleaner clergyman clerk clockmaker clown coach coachbuilder coachman cobbler
    columnist comedian composer concierge conductor confectioner conjurer conservator consultant
    contractor cook cooper coroner correspondent counsellor counselor courier craftsman critic
    croupier curator dairymaid dancer dealer decorator dentist dermatologist designer detective
    developer dietician dietitian diplomat director diver docker doctor domestic dramatist draper
    draughtsman dressmaker driver dyer ecologist economist editor electrician embalmer engineer
    engraver entertainer entomologist entrepreneur essayist estimator exterminator farmer farmhand
    farrier fashion-designer ferryman filmmaker financier firefighter fireman fisher fisherman
    fishmonger fitter florist footballer foreman forester furrier gamekeeper gardener geneticist
    geographer geologist glassblower glazier goldsmith governess grazier greengrocer grocer groom
    groomer groundskeeper guard gunsmith gynaecologist haberdasher hairdresser handyman hatter
    herbalist herdsman historian horticulturist housekeeper hunter illustrator innkeeper inspector
    instructor interpreter inventor investigator janitor jeweler jeweller jockey joiner journalist
    judge juggler keeper laborer labourer lacemaker landlord laundress lawyer lecturer librarian
    librettist lifeguard lighthouse-keeper linguist locksmith logger longshoreman lyricist
    machinist magician magistrate maid manager manicurist mason masseur mathematician mechanic
    merchant metallurgist meteorologist midwife miller milliner miner mineralogist minister monk
    musician naturalist neurologist neurosurgeon newsreader notary novelist nun nurse nurseryman
    obstetrician officer oncologist optician optometrist organist osteopath ostler paediatrician
    painter paralegal paramedic pathologist pediatrician perfumer pharmacist philosopher
    photographer photojournalist physician physicist physiologist physiotherapist pianist pilot
    plasterer playwright plumber podiatrist poet policeman policewoman politician porter postman
    potter preacher presenter priest printer printmaker producer professor programmer psychiatrist
    psychologist psychotherapist publican publicist publisher quarryman radiographer radiologist
    receptionist referee reporter researcher restaurateur rigger roofer saddler sailor salesman
    salesperson saleswoman sawyer scholar scientist screenwriter scribe sculptor sculptress seaman
    seamstress secretary servant shepherd shipbuilder shipwright shoemaker shopkeeper silversmith
    singer sociologist soldier solicitor songwriter statistician steward stewardess stockbroker
    stonecutter stonemason student surgeon surveyor tailor tanner taxidermist teacher technician
    technologist telegraphist teller therapist tiler tinker tinsmith toolmaker trader trainer
    translator treasurer tutor typesetter typist undertaker upholsterer usher valet vet
    veterinarian vintner violinist vocalist waiter waitress warden warehouseman watchmaker
    watchman weaver welder wheelwright whitesmith winemaker woodcarver woodcutter woodworker
    worker writer zoologist
"""
# Subjects of study: the detailed fields of ISCED-F 2013 (UNESCO), and what their parts are called.
_SUBJECTS = """
    accountancy accounting acting aeronautics agriculture agronomy algebra anatomy animation
    anthropology archaeology architecture art arts astronomy astrophysics ballet banking
    biochemistry biology biotechnology botany business calligraphy chemistry choreography
    cinematography classics commerce communication communications composition computing
    counterpoint criminology cybernetics dance demography dentistry dermatology design divinity
    drama dramaturgy drawing ecology economics education electronics embryology engineering
    engraving entomology epidemiology ethics ethnography ethnology fashion film finance forestry
    genetics geodesy geography geology geometry geophysics government harmony history horticulture
    hydrology illustration immunology informatics journalism jurisprudence kinesiology law
    linguistics literature logic management marketing mathematics maths mechanics medicine
    metallurgy meteorology microbiology midwifery mineralogy mining musicology music neurology
    neuroscience nursing nutrition obstetrics oceanography oratory optics orchestration
    ornithology paediatrics painting palaeontology paleontology pathology pedagogy pharmacology
    pharmacy philology philosophy photography physics physic physiology physiotherapy poetry
    politics printmaking psychiatry psychology radiology religion rhetoric robotics science
    sciences sculpture seismology semiotics singing sociology statistics studies surgery surveying
    theatre theology toxicology translation typography virology zoology
"""
# Animals that people keep: the species of FAO's Domestic Animal Diversity Information System
# (DAD-IS), and the pets of the Pet Food Industry's counts (FEDIAF), by their everyday names.
_ANIMALS = """
    alpaca ass bee budgerigar budgie buffalo bull bullock calf camel canary cat chicken chinchilla
    cockatiel cockatoo cockerel colt cow dog donkey dove dromedary duck ferret finch foal gecko
    gerbil goat goldfish goose gosling guinea-pig hamster hedgehog hen hinny horse hound iguana
    kid kitten lamb llama lizard lynx macaw mare monkey mouse mule ostrich owl ox parakeet parrot
    peacock pheasant pig pigeon piglet pony poodle puppy python quail rabbit ram rat raven rooster
    sheep sheepdog snake sow spaniel spider stallion swan tarantula terrapin terrier toad tortoise
    turkey turtle yak
"""
# Fishes: common English names of families in the ASFIS list of species (FAO).
_FISHES = """
    anchovy asp barbel barramundi bass bleak bluefish bream brill burbot carp catfish char chub
    cod crab crayfish dace dogfish eel eels flounder gar garfish grayling grouper gudgeon haddock
    hake halibut herring ide lamprey ling loach lobster mackerel minnow mullet muskellunge nase
    oyster perch pike pilchard plaice pollack pollock roach rudd ruffe salmon sardine sea-trout
    shad shrimp smelt snapper sole sprat stickleback sturgeon sunfish tench tilapia trout tuna
    turbot vendace walleye whitefish whiting zander
"""
# The eleven basic terms of Berlin and Kay (Basic Color Terms, 1969) and everyday names of CSS's.
_COLOURS = """
    amber aquamarine azure beige black blue bronze brown burgundy chocolate cobalt copper coral
    cream crimson cyan emerald fuchsia gold golden gray green grey indigo ivory khaki lavender
    lilac lime magenta maroon mauve navy ochre olive orange peach pink plum purple red rose ruby
    rust saffron salmon sapphire scarlet silver tan teal turquoise ultramarine vermilion violet
    white yellow
"""

INSTRUMENTS = frozenset(_INSTRUMENTS.split())
BEFORE_INSTRUMENTS = frozenset(_BEFORE_INSTRUMENTS.split())
OCCUPATIONS = frozenset(_OCCUPATIONS.split())
SUBJECTS = frozenset(_SUBJECTS.split())
ANIMALS = frozenset(_ANIMALS.split())
FISHES = frozenset(_FISHES.split())
COLOURS = frozenset(_COLOURS.split())
